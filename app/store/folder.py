"""A folder of models: which files there are, and what is in one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from app.store.format import HEADER_BYTES, SUFFIX, Header, bytes_needed, header_of
from app.store.ids import ID

IMAGES = ".images"
RECORD = ".record"


def names(folder: Path) -> list[str]:
    """Its files; strings, as thousands of paths are slow to make and to sort."""
    with os.scandir(folder) as entries:
        return [entry.name for entry in entries if entry.is_file()]


def ids_before(folder: Path, cursor: str | None) -> Iterator[str]:
    """Of the models older than `cursor`, or of all, newest first; what else has such a name is left to be found out.

    By far the quickest way to a page of thousands: no file is asked for its kind.
    """
    found = os.listdir(folder)  # noqa: PTH208
    older = [name for name in found if name.endswith(SUFFIX) and (cursor is None or name < cursor)]
    older.sort(reverse=True)
    return (model_id for name in older if ID.fullmatch(model_id := name.removesuffix(SUFFIX)))


def sizes(folder: Path) -> dict[str, int]:
    """Bytes of each file by its name."""
    with os.scandir(folder) as entries:
        return {entry.name: entry.stat().st_size for entry in entries if entry.is_file()}


def read_header(path: Path) -> Header:
    """Raises OSError, or one of DAMAGES."""
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        start = file.read(HEADER_BYTES)
        start += file.read(max(0, min(bytes_needed(start), size) - len(start)))
    return header_of(start, size)


def remove(path: Path) -> None:
    """A model's file and that of its images. Raises FileNotFoundError if there is no model."""
    path.unlink()
    path.with_suffix(IMAGES).unlink(missing_ok=True)
