"""What every source gives: its files in an order that is always the same, read when their turn comes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import ClassVar

from app.inputs.archives.members import JUNK


@dataclass(frozen=True)
class Entry:
    """A file that ought to be a picture, by its path in the source."""

    path: str
    size: int | None
    """Bytes, where that is known without reading it."""
    read: Callable[[int], bytes]
    """Returns its bytes, or the first most + 1 of a larger one. Raises OSError, or an AppError that says what is wrong.

    Any thread may call it, unless the source is a stream.
    """


@dataclass(frozen=True)
class Source(ABC):
    """Any number of files. Hidden ones, and those that operating systems leave behind, are none of them."""

    name: str
    """As the user gave it."""
    threads: ClassVar[int] = 2
    """How many of its files to read and decode at once."""
    is_stream: ClassVar[bool] = False
    """Whether an entry can only be read before the next one is asked for."""

    @abstractmethod
    def entries(self) -> Iterator[Entry]:
        """Yield the files; each call from the first on, in the same order. Raises KshotError."""


def is_hidden(path: str) -> bool:
    """Say whether a path leads to what is hidden, or the operating system's own."""
    return any(part.startswith(".") or part in JUNK for part in PurePosixPath(path).parts)
