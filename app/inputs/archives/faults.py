"""Errors about an archive, in the words of whoever made it."""

from __future__ import annotations

import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import PurePosixPath

from app.errors import AppError, ArchiveTooLarge, ArchiveUnreadable
from kshot import text

FEW = 3  # names that an error gives as examples

# What zipfile, gzip and tarfile raise on bytes that aren't theirs, or that were tampered with.
DAMAGE = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    IndexError,
    OSError,
    OverflowError,
    RuntimeError,
    ValueError,
)


class Overspent(Exception):
    """More was unpacked than an archive may hold; the text goes on after the name of a file."""


@contextmanager
def intact(fault: str, path: PurePosixPath | None = None) -> Iterator[None]:
    """Raise ArchiveUnreadable for whatever the standard library raises on damaged or hostile bytes.

    Raises ArchiveTooLarge for what unpacks to too much.
    """
    try:
        yield
    except Overspent as error:
        raise too_large(error, path) from error
    except DAMAGE as error:
        detail = f"{fault} ({error}). Make it again, for example with zip -r."
        raise archive_error(ArchiveUnreadable, detail, path) from error


def too_large(error: Overspent, path: PurePosixPath | None) -> AppError:
    """Return the error about an archive that unpacks to too much, and about the file with which it does."""
    place = f"With {shown(path)}" if path else "Before its first file"
    return archive_error(ArchiveTooLarge, f"{place} {error}. Send fewer or smaller images.", path)


def archive_error(kind: type[AppError], detail: str, path: PurePosixPath | None = None) -> AppError:
    """Return an error about the archive, or about the file at this path in it."""
    return kind(detail, field="archive", **({"filename": shown(path)} if path else {}))


def shown(path: PurePosixPath | str) -> str:
    """Return a path as answers show it."""
    return text.shown(str(path))


def few(names: Sequence[str], separator: str = ", ") -> str:
    """Return the first names of a list, and say how many more there are."""
    more = f"{separator}and {len(names) - FEW} more" if len(names) > FEW else ""
    return separator.join(names[:FEW]) + more
