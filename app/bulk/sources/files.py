"""Pictures on a disk: in a folder, by a pattern, or from a list of paths."""

from __future__ import annotations

import csv
import glob
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NoReturn

from app.bulk.errors import SourceUnreadable
from app.bulk.sources.interface import Entry, Source, is_hidden
from app.inputs.archives.members import JUNK
from kshot.text import shown

COLUMNS = ("path", "image", "file", "filename")


@dataclass(frozen=True)
class FolderSource(Source):
    """All files in a folder, at any depth, by the order of their names; `output` is none of them."""

    output: Path

    def entries(self) -> Iterator[Entry]:
        """See Source. No more than one folder's names are in memory."""
        return self._entries(Path(self.name), "")

    def _entries(self, folder: Path, prefix: str) -> Iterator[Entry]:
        try:
            with os.scandir(folder) as listed:
                found = sorted(listed, key=lambda each: each.name)
        except OSError as error:
            raise SourceUnreadable(f"The folder {folder} cannot be read ({error.strerror}).") from error
        for each in found:
            path = f"{prefix}{each.name}"
            if is_hidden(each.name) or Path(each.path) == self.output:
                continue
            if each.is_dir(follow_symlinks=False):
                yield from self._entries(Path(each.path), f"{path}/")
            elif each.is_dir():
                yield Entry(shown(path), None, _refuse_link)
            else:
                yield _entry(path, Path(each.path))


@dataclass(frozen=True)
class GlobSource(Source):
    """The files that a pattern names, as photos/**/*.jpg, by the order of their names."""

    output: Path

    def entries(self) -> Iterator[Entry]:
        """See Source."""
        for path in sorted(glob.iglob(self.name, recursive=True)):  # noqa: PTH207 # Path's begins in a folder
            place = Path(path)
            left_behind = is_hidden(place.name) or not JUNK.isdisjoint(place.parts)
            if not (left_behind or place.is_dir() or place == self.output):
                yield _entry(path, place)


@dataclass(frozen=True)
class ListSource(Source):
    """The files that a CSV names in one of COLUMNS, from where the CSV is."""

    def entries(self) -> Iterator[Entry]:
        """See Source. Raises SourceUnreadable for a CSV without such a column."""
        place = Path(self.name)
        try:
            with place.open(encoding="utf-8-sig", newline="") as file:
                rows = csv.DictReader(file)
                column = next((each for each in COLUMNS if each in (rows.fieldnames or ())), None)
                if column is None:
                    names = ", ".join(map(shown, rows.fieldnames or ())) or "none"
                    detail = f"{place} names no files: its columns are {names}. Call the one of their paths `path`."
                    raise SourceUnreadable(detail)
                for row in rows:
                    path = row[column] or ""
                    yield _entry(path, place.parent / path)
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise SourceUnreadable(f"{place} cannot be read as CSV in UTF-8 ({error}).") from error


def _entry(path: str, place: Path) -> Entry:
    return Entry(shown(path), None, partial(_read, place))


def _read(place: Path, most: int) -> bytes:
    with place.open("rb") as file:
        return file.read(most + 1)


def _refuse_link(most: int) -> NoReturn:  # noqa: ARG001 # as all entries are read
    raise OSError(0, "it is a link to a folder, which is not followed; give that folder as a source of its own")
