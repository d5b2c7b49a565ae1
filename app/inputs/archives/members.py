"""The files of an archive, with names that are safe to use, and checks of what cannot be taken."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import takewhile
from pathlib import PurePosixPath
from typing import Self

from app import errors
from app.inputs.archives import pictures
from app.inputs.archives.faults import archive_error, intact
from app.inputs.archives.formats.interface import Archive, Entry
from app.inputs.archives.names.decoding import read_names

ARCHIVES = {".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar"}
JUNK = {"__MACOSX", "Thumbs.db", "desktop.ini"}


@dataclass(frozen=True)
class Member:
    """A file of the archive, or an empty folder, by its cleaned name."""

    archive: Archive = field(repr=False, compare=False)
    entry: Entry = field(compare=False)
    spelled: PurePosixPath
    """Its path as the archive has it, where one letter may stand as several characters."""
    path: PurePosixPath
    """The same in Unicode's form NFC, by which files and folders are told apart."""
    is_folder: bool = False

    @classmethod
    def of(cls, archive: Archive, entry: Entry, name: str) -> Self:
        """Return the entry of this name. What has contents is a file, even if its name ends as a folder's does."""
        path = PurePosixPath(unicodedata.normalize("NFC", name))
        is_folder = entry.is_folder or (name.endswith("/") and not entry.size)
        return cls(archive, entry, PurePosixPath(name), path, is_folder)

    @property
    def is_junk(self) -> bool:
        """Whether an operating system left it there, or it is hidden."""
        return len(self.kept_parts) < len(self.path.parts)

    @property
    def kept_parts(self) -> tuple[str, ...]:
        """The parts of its path before the first that is hidden or the operating system's own."""
        return tuple(takewhile(lambda part: part not in JUNK and not part.startswith("."), self.path.parts))

    @property
    def is_unsafe(self) -> bool:
        """Whether its name leads out of the archive."""
        return bool(_why_unsafe(self.path))

    @cached_property
    def why_left_out(self) -> str:
        """Why it is no picture that is taken, or nothing if it is one."""
        if self.is_junk:
            return "it is hidden, or the operating system's own"
        if unsafe := _why_unsafe(self.path):
            return unsafe
        if self.entry.is_link:
            return "it is a link, a device or a sparse file"
        with intact(f"{self.path} cannot be unpacked", self.path):
            return pictures.why_not(self.path, self.archive.head(self.entry))

    def read(self, most: int) -> bytes:
        """Return its bytes, or the first most + 1 of a larger one. Raises ArchiveUnreadable or ArchiveTooLarge."""
        with intact(f"{self.path} cannot be unpacked", self.path):
            return self.archive.read(self.entry, most)


def members(archive: Archive, encoding: str | None) -> list[Member]:
    """Return the archive's files and folders, sorted by path. Raises ArchiveError."""
    return sorted(_members(archive, encoding), key=lambda member: member.path)


def _members(archive: Archive, encoding: str | None) -> Iterator[Member]:
    seen: set[PurePosixPath] = set()
    for entry, name in zip(archive.entries, read_names(archive.entries, encoding), strict=True):
        member = Member.of(archive, entry, name)
        if not member.is_folder:
            _check(member, seen)
        if member.path.parts:
            yield member


def _check(member: Member, seen: set[PurePosixPath]) -> None:
    """Raise for a file that cannot be taken, and that should not be left out without an error; see it."""
    path = member.path
    if not path.parts:
        raise archive_error(errors.ArchiveUnreadable, "A file in it has no name. Make it again with zip -r.")
    if path in seen:
        detail = f"{path} is in it twice. Give each file its own name."
        raise archive_error(errors.ArchiveLayout, detail, path)
    seen.add(path)
    if member.entry.obstacle and not (member.is_junk and member.entry.obstacle[0] is errors.ArchiveUnreadable):
        kind, fault = member.entry.obstacle
        raise archive_error(kind, f"{path} {fault}", path)
    if path.suffix.lower() in ARCHIVES and not member.is_junk:
        detail = f"{path} is an archive. Unpack it and zip its folders instead."
        raise archive_error(errors.ArchiveNested, detail, path)


def _why_unsafe(path: PurePosixPath) -> str:
    """Return why a name leads out of the archive, or nothing if it doesn't."""
    if path.is_absolute():
        return "its name begins with /"
    if ".." in path.parts:
        return "its name leads out of the archive by .."
    if re.match(r"[A-Za-z]:[/\\]", str(path)):
        return "its name begins with a drive"
    return ""
