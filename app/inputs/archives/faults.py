"""Errors about an archive, in the words of whoever made it."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath

from app.errors import AppError, ArchiveUnreadable
from kshot import text

# What zipfile raises on bytes that are no zip, or one that was tampered with.
DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    IndexError,
    NotImplementedError,
    OSError,
    ValueError,
)


@contextmanager
def intact(fault: str, path: PurePosixPath | None = None) -> Iterator[None]:
    """Raise ArchiveUnreadable for whatever zipfile raises on damaged or hostile bytes."""
    try:
        yield
    except DAMAGE as error:
        detail = f"{fault} ({error}). Make the zip again with zip -r."
        raise archive_error(ArchiveUnreadable, detail, path) from error


def archive_error(kind: type[AppError], detail: str, path: PurePosixPath | None = None) -> AppError:
    """Return an error about the archive, or about the file at this path in it."""
    return kind(detail, field="archive", **({"filename": shown(path)} if path else {}))


def shown(path: PurePosixPath) -> str:
    """Return a path as answers show it."""
    return text.shown(str(path))
