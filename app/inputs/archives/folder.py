"""The folders of an archive, as a tree."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from app.inputs.archives.members import Member


@dataclass
class Folder:
    """A folder: its folders by name, its own files, and of its pictures and other files all at any depth."""

    path: PurePosixPath
    folders: dict[str, Folder] = field(default_factory=dict)
    loose: list[Member] = field(default_factory=list)
    """Pictures that lie in it, and in none of its folders."""
    pictures: list[Member] = field(default_factory=list)
    others: list[Member] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Its name, without those of the folders that it is in."""
        return self.path.name

    @property
    def with_pictures(self) -> list[Folder]:
        """Its folders that hold pictures."""
        return [folder for folder in self.folders.values() if folder.pictures]

    @property
    def without_pictures(self) -> list[Folder]:
        """Its folders that hold none."""
        return [folder for folder in self.folders.values() if not folder.pictures]

    def add(self, member: Member) -> None:
        """Put a file or a folder where its path says; of what is hidden, the folder that it is in."""
        parts = member.path.parts
        if member.is_folder or member.is_junk:
            self._to(member.kept_parts)
            return
        way = self._to(parts[:-1])
        for folder in way:
            (folder.others if member.why_left_out else folder.pictures).append(member)
        if not member.why_left_out:
            way[-1].loose.append(member)

    def _to(self, parts: Sequence[str]) -> list[Folder]:
        """Return the folders on the way to a path in it, made if they aren't there."""
        way = [self]
        for part in parts:
            way.append(way[-1].folders.setdefault(part, Folder(way[-1].path / part)))
        return way


def tree(members: Iterable[Member]) -> Folder:
    """Return the folder of all members but those whose names lead out of it."""
    root = Folder(PurePosixPath())
    for member in members:
        if not member.is_unsafe:
            root.add(member)
    return root
