"""Files that several processes share: there as a whole or not at all, still there after a crash, changed in turns."""

import errno
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import lock_descriptor

TEMPORARY = ".part"
LOCK_SECONDS = 5
LOCK_PAUSE = 0.002


def replace_file(path: Path, contents: bytes, mode: int = 0o666) -> None:
    """Put `contents` in the place of what was at `path`; on the disk when this returns.

    `mode` are the permissions of the new file, before the umask. Raises OSError, and then nothing has changed.
    """
    with temporary(path) as file:
        write(file, contents, mode)
        file.replace(path)
    flush(path.parent)


@contextmanager
def temporary(path: Path) -> Iterator[Path]:
    """Name a file beside `path`, to be written and renamed to it; remove it if it is still there at the end."""
    beside = path.with_name(f"{path.stem}.{secrets.token_hex(4)}{TEMPORARY}")
    try:
        yield beside
    finally:
        beside.unlink(missing_ok=True)


def write(path: Path, contents: bytes, mode: int = 0o666) -> None:
    """Write a new file and wait until it is on the disk. Raises FileExistsError if there is one."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(contents)
        file.flush()
        os.fsync(file.fileno())


def flush(directory: Path) -> None:
    """Wait until names made or removed in `directory` would survive a loss of power."""
    with _opened(directory) as descriptor:
        os.fsync(descriptor)


def revision_of(path: Path) -> str:
    """Return a text that is another for each file that was ever at this path. Raises FileNotFoundError."""
    found = path.stat()
    return f"{found.st_ino}-{found.st_mtime_ns}"


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Keep all other processes that lock this directory out, while its files are changed.

    The lock is on the directory itself: it leaves no file there, and goes when its process dies. Raises TimeoutError
    after LOCK_SECONDS, as the process that has the lock may have been stopped, or wait for a disk that hangs.
    """
    with _opened(directory) as descriptor:
        deadline = time.monotonic() + LOCK_SECONDS
        while not lock_descriptor(descriptor, blocking=False):
            if time.monotonic() > deadline:
                raise TimeoutError(errno.ETIMEDOUT, "another process keeps the folder locked")
            time.sleep(LOCK_PAUSE)
        yield


@contextmanager
def _opened(directory: Path) -> Iterator[int]:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
