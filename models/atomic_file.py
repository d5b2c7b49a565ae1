"""Files that are there as a whole or not at all, and still there after a crash."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

TEMPORARY = ".part"


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
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
