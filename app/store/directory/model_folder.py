"""A folder of models: the files in it, and the header of one."""

from __future__ import annotations

import os
import time
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from app.store.ids import ID
from app.store.model_file import HEADER_BYTES, SUFFIX, Header, bytes_needed, header_of
from app.store.records import is_too_new_to_forget
from models.atomic_file import flush

IMAGES = ".images"
RECORD = ".record"
RECORDS = "records"
FOLDERS = 64  # whose ids are in memory, 1 MB for 10,000
SETTLED_NS = 2 * 10**9  # a folder may change again in one tick of its clock


def make_folder(folder: Path) -> None:
    """Make a folder, unless it is there, in one that is."""
    if not folder.exists():
        folder.mkdir(exist_ok=True)
        flush(folder.parent)


def names(folder: Path) -> list[str]:
    """Return the names of the files in a folder: thousands of paths would be slow to make and to sort."""
    with os.scandir(folder) as entries:
        return [entry.name for entry in entries if entry.is_file()]


def ids_before(folder: Path, cursor: str | None) -> Iterator[str]:
    """Yield the ids of the models older than `cursor`, or of all, newest first, by the names of their files alone."""
    changed = folder.stat().st_mtime_ns
    settled = time.time_ns() - changed > SETTLED_NS
    ids = _ids_at(folder, changed) if settled else _ids(folder)
    return reversed(ids[: len(ids) if cursor is None else bisect_left(ids, cursor)])


@lru_cache(maxsize=FOLDERS)
def _ids_at(folder: Path, changed: int) -> list[str]:  # noqa: ARG001 - it tells answers apart
    """Return the ids as they have been since the folder `changed`: listing thousands takes most of a page's time."""
    return _ids(folder)


def _ids(folder: Path) -> list[str]:
    """Return the ids, sorted, without a look at each file."""
    ids = (name.removesuffix(SUFFIX) for name in os.listdir(folder) if name.endswith(SUFFIX))  # noqa: PTH208
    return sorted(model_id for model_id in ids if ID.fullmatch(model_id))


def sizes(folder: Path) -> dict[str, int]:
    """Return the bytes of each file by its name, without those that are gone meanwhile."""
    found = {}
    with os.scandir(folder) as entries:
        for entry in entries:
            with suppress(FileNotFoundError):
                if entry.is_file():
                    found[entry.name] = entry.stat().st_size
    return found


def read_header(path: Path) -> Header:
    """Return the header of a model's file. Raises OSError, RecordError or one of DAMAGES."""
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        start = file.read(HEADER_BYTES)
        start += file.read(max(0, min(bytes_needed(start), size) - len(start)))
    return header_of(start, size)


def remove(path: Path) -> None:
    """Delete a model's file, then that of its images. Raises FileNotFoundError if there is no model."""
    path.unlink()
    path.with_suffix(IMAGES).unlink(missing_ok=True)


def remove_lonely(folder: Path) -> None:
    """Delete images whose model a killed server deleted. Lock the folder: others may be putting both."""
    for path in folder.glob(f"*{IMAGES}"):
        if not path.with_suffix(SUFFIX).exists():
            path.unlink(missing_ok=True)


def forget(folder: Path) -> int:
    """Delete the small records in a folder; return how many stay, as a newer release wrote them."""
    newer = 0
    for path in folder.glob(f"*{RECORD}"):
        with suppress(FileNotFoundError):  # swept meanwhile
            if is_too_new_to_forget(path.read_bytes()):
                newer += 1
            else:
                path.unlink()
    return newer
