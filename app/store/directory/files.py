"""What several servers on one folder agree by: locks, and revisions of files."""

from __future__ import annotations

import errno
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from models.atomic_file import flush

LOCK_SECONDS = 5
LOCK_PAUSE = 0.002


def make_folder(folder: Path) -> None:
    """Unless it is there; not what it is in."""
    if not folder.exists():
        folder.mkdir(exist_ok=True)
        flush(folder.parent)


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Alone, among all servers on this directory, in changing what is there.

    Raises TimeoutError after LOCK_SECONDS: who has the lock may have been stopped, or sit on a disk that hangs.
    """
    with _opened(directory) as descriptor:
        deadline = time.monotonic() + LOCK_SECONDS
        while not _lock(descriptor):
            if time.monotonic() > deadline:
                raise TimeoutError(errno.ETIMEDOUT, "another process keeps the folder locked")
            time.sleep(LOCK_PAUSE)
        yield


def revision_of(path: Path) -> str:
    """Another for each file that was ever at this path."""
    found = path.stat()
    return f"{found.st_ino}-{found.st_mtime_ns}"


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def _opened(directory: Path) -> Iterator[int]:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
