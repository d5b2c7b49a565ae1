"""Labelled pictures of a source, as a service would read them from an archive, but any number of them."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from app.bulk.errors import SourceUnreadable
from app.bulk.sources.interface import Entry, Source
from app.inputs.archives.formats import interface
from app.inputs.archives.labelling import Labelled
from app.inputs.archives.reader import ArchiveReader
from app.inputs.limits import ArchiveLimits, SetLimits
from app.inputs.support_set import SupportSet
from app.settings import Settings

ANY = sys.maxsize


@dataclass(frozen=True)
class SourceArchive:
    """A source as archives are read. See Archive."""

    source: Source
    is_stream = False

    @cached_property
    def _files(self) -> list[Entry]:
        return list(self.source.entries())

    @cached_property
    def entries(self) -> Sequence[interface.Entry]:
        """See Archive."""
        return [
            interface.Entry(place, each.path.encode(), declared=each.path, size=each.size or 0)
            for place, each in enumerate(self._files)
        ]

    def head(self, entry: interface.Entry) -> bytes:
        """See Archive."""
        return self._files[entry.place].read(interface.HEAD - 1)

    def read(self, entry: interface.Entry, most: int) -> bytes:
        """See Archive."""
        return self._files[entry.place].read(most)


@dataclass(frozen=True)
class LabelledSource(Source):
    """The pictures of a source that have a label."""

    pictures: Sequence[Labelled] = ()

    def entries(self) -> Iterator[Entry]:
        """See Source."""
        for each in self.pictures:
            yield Entry(str(each.member.path), each.member.entry.size, each.member.read)


def read_support(source: Source, settings: Settings) -> tuple[SupportSet, LabelledSource]:
    """Return the labels of a source's pictures, by its folders or its lists, and the pictures. Raises AppError."""
    if source.is_stream:
        raise SourceUnreadable(f"{source.name} is compressed as a whole: unpack it, and give the folder.")
    reader = ArchiveReader(
        ArchiveLimits.of(settings), SetLimits(max_images=ANY, max_texts=ANY, max_inputs=ANY, max_classes=ANY)
    )
    support, pictures = reader.labelled(SourceArchive(source))
    return support, LabelledSource(source.name, pictures)
