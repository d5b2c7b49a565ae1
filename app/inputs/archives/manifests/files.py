"""The files of an archive by the names that lists of labels have for them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from posixpath import normpath
from urllib.parse import unquote

from app.inputs.archives.folder import Folder
from app.inputs.archives.members import Member

FOREIGN = re.compile(r"/|[a-z][a-z0-9+.-]*://[^/]*|[a-z]:/", re.IGNORECASE)  # how absolute paths and addresses begin
UPLOAD = re.compile(r"[0-9a-f]{8}-")  # what Label Studio puts before the names of files


@dataclass(frozen=True)
class Files:
    """The pictures of an archive, to be found by a name in a list."""

    pictures: dict[str, list[Member]] = field(default_factory=dict)
    others: dict[str, list[Member]] = field(default_factory=dict)

    @classmethod
    def of(cls, root: Folder) -> Files:
        """Return the files in this folder."""
        files = cls()
        for by_name, members in ((files.pictures, root.pictures), (files.others, root.others)):
            for member in members:
                by_name.setdefault(member.path.name, []).append(member)
        return files

    def named(self, name: str, folder: PurePosixPath) -> list[Member]:
        """Return what a name in a list in this folder may mean: a path from there, or the end of one in the archive."""
        path, is_foreign = _path(name)
        named = [*self.pictures.get(path.name, ()), *self.others.get(path.name, ())]
        beside = [each for each in named if str(each.path) == normpath(folder / path)]
        inner = tuple(part for part in path.parts if part != "..")
        ending = [each for each in named if each.path.parts[-len(inner) :] == inner]
        if beside or ending or not is_foreign:
            return beside or ending
        bare = UPLOAD.sub("", path.name, count=1)
        named = named or [*self.pictures.get(bare, ()), *self.others.get(bare, ())]
        return _nearest(named, path)


def _nearest(members: Sequence[Member], path: PurePosixPath) -> list[Member]:
    """Return those whose paths have the longest end in common with a path of another place."""
    common = [sum(1 for _ in _common(each.path, path)) for each in members]
    return [each for each, length in zip(members, common, strict=True) if length == max(common)]


def _common(one: PurePosixPath, other: PurePosixPath) -> Iterator[str]:
    for ours, theirs in zip(reversed(one.parts), reversed(other.parts), strict=False):
        if ours != theirs:
            return
        yield ours


def _path(name: str) -> tuple[PurePosixPath, bool]:
    """Return a name in a list as a path, and whether it is one of another place: an address, or an absolute path."""
    plain = unicodedata.normalize("NFC", name.strip().replace("\\", "/"))
    is_foreign = FOREIGN.match(plain) is not None
    if is_foreign:
        path, _, query = FOREIGN.sub("", plain, count=1).partition("?")
        plain = unquote(query.partition("d=")[2] or path)
    return PurePosixPath(plain.lstrip("/")), is_foreign
