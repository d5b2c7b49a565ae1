"""What a job has done so far, on the disk: after a crash, it goes on from there."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from filelock import lock_descriptor

from app.bulk.errors import OutputUnusable
from app.bulk.rows import Row

FLUSH_SECONDS = 5  # of work that a loss of power may take; a killed process loses no more than a block


class Journal:
    """The rows of a job in the order of its files, as lines of JSON, after one that says which job it is.

    Rows come in blocks. What a killed process had written of a block is dropped, so that each block is computed whole,
    and the results are the same to the byte as those of a job that nobody killed. A context manager; while it is open,
    no other process can open it.
    """

    def __init__(self, path: Path, job: Mapping[str, object], block: int) -> None:
        """Open the journal at `path` of this job, or begin it. Raises OutputUnusable."""
        self._path = path
        self._block = block
        self.rows = 0  # that are there
        try:
            self._file: BinaryIO = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o666), "r+b")
        except OSError as error:
            raise OutputUnusable(f"{path} cannot be written to ({error.strerror}).") from error
        try:
            self._lock()
            self._find_start(job)
            self._find_end()
        except BaseException:
            self._file.close()
            raise
        self._flushed = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._file.close()

    def append(self, rows: Sequence[Row]) -> None:
        """Add the rows of a block. Raises OutputUnusable where the disk refuses them."""
        try:
            self._file.write(b"".join(row.write() for row in rows))
            self._file.flush()
            if time.monotonic() > self._flushed + FLUSH_SECONDS:
                os.fsync(self._file.fileno())
                self._flushed = time.monotonic()
        except OSError as error:
            detail = f"{self._path} cannot be written to ({error.strerror}). Make room, then run the command again."
            raise OutputUnusable(detail) from error
        self.rows += len(rows)

    def read(self) -> Iterator[Row]:
        """Yield all rows; add none after that."""
        self._file.seek(self._start)
        return map(Row.read, self._file)

    def _lock(self) -> None:
        if not lock_descriptor(self._file.fileno(), blocking=False):
            detail = f"Another process writes to {self._path} just now. Wait for it, or give another --out."
            raise OutputUnusable(detail)

    def _find_start(self, job: Mapping[str, object]) -> None:
        first = self._file.readline()
        if first.endswith(b"\n"):
            self._check(first, job)
        else:  # new, or killed at once
            self._file.seek(0)
            self._file.truncate()
            self._file.write(json.dumps(job).encode() + b"\n")
            self._file.flush()
        self._start = self._file.tell()

    def _check(self, line: bytes, job: Mapping[str, object]) -> None:
        """Raise OutputUnusable unless this line is that of the job."""
        begun: Mapping[str, object] = {}
        with suppress(ValueError):
            begun = json.loads(line)
        differ = [name for name in job if begun.get(name) != job[name]]
        if differ:
            detail = (
                f"{self._path} has what another job did so far: its {', '.join(differ)} differed. Run that job again "
                "to end it, give another --out, or begin anew with --overwrite."
            )
            raise OutputUnusable(detail)

    def _find_end(self) -> None:
        """Count the rows of whole blocks, and drop what comes after them."""
        end = place = self._start
        for number, line in enumerate(self._file, 1):
            if not _is_row(line):
                break
            place += len(line)
            if number % self._block == 0:
                self.rows, end = number, place
        self._file.seek(end)
        self._file.truncate()


def _is_row(line: bytes) -> bool:
    if line.endswith(b"\n"):
        with suppress(ValueError, TypeError):
            return bool(Row.read(line))
    return False
