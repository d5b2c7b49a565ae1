"""What a format of archives gives: its entries, and what is in them within a bound."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from app.errors import AppError
from models.inputs.formats import PREFIX

HEAD = PREFIX  # bytes, by which a picture is told


@dataclass(frozen=True)
class Entry:
    """What an archive says of one of its files or folders."""

    place: int
    """Its place in the archive, from 0."""
    name: bytes
    """As the archive has it, in whatever encoding."""
    declared: str | None = None
    """The name where the archive says what it is in Unicode."""
    dos: bool = False
    """Whether DOS or Windows wrote it: there a backslash is no part of a name."""
    size: int = 0
    """Bytes of its contents, as the archive says."""
    is_folder: bool = False
    """Whether the archive says so. A name that ends in / does too, if there are no contents."""
    is_link: bool = False
    """Whether it has no contents of its own: a link, a device, a sparse file."""
    obstacle: tuple[type[AppError], str] | None = None
    """The error, and its detail after the file's name, where its contents cannot be taken."""


class Archive(Protocol):
    """An opened archive. Its methods raise what app.inputs.archives.faults.intact makes ArchiveErrors of."""

    is_stream: bool
    """Whether contents can only be read in the order of the entries."""

    @property
    def entries(self) -> Sequence[Entry]:
        """All files and folders, in the archive's order."""

    def head(self, entry: Entry) -> bytes:
        """Return the first HEAD bytes of a file, or all of a shorter one."""

    def read(self, entry: Entry, most: int) -> bytes:
        """Return the contents of a file, or the first most + 1 bytes of a larger one."""
