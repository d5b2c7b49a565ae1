"""Pictures in a zip or a tar of any size, read from the disk as they are needed and never unpacked to it."""

from __future__ import annotations

import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path, PurePosixPath
from typing import ClassVar

from app.bulk.errors import SourceUnreadable
from app.bulk.sources.interface import Entry, Source, is_hidden
from app.inputs.archives.faults import DAMAGE, archive_error, intact
from app.inputs.archives.formats import interface
from app.inputs.archives.formats.zip_archive import entry_of
from app.inputs.archives.names.decoding import read_names
from kshot.text import shown


@dataclass(frozen=True)
class ZipSource(Source):
    """The files in a zip, in its order; `encoding` is that of names which don't say it."""

    encoding: str | None = None

    def entries(self) -> Iterator[Entry]:
        """See Source. Raises ArchiveError."""
        infos = self._file.infolist()
        listed = [entry_of(place, info) for place, info in enumerate(infos)]
        for each, info, path in zip(listed, infos, read_names(listed, self.encoding), strict=True):
            if not (path.endswith("/") or each.is_link or is_hidden(path)):
                yield Entry(shown(path), each.size, partial(self._read, each, info, path))

    @cached_property
    def _file(self) -> zipfile.ZipFile:
        with intact(f"{self.name} is no intact zip"):
            return zipfile.ZipFile(self.name)

    def _read(self, entry: interface.Entry, info: zipfile.ZipInfo, path: str, most: int) -> bytes:
        if entry.obstacle:
            kind, fault = entry.obstacle
            raise archive_error(kind, f"{path} {fault}")
        with intact(f"{path} cannot be unpacked", PurePosixPath(path)), self._file.open(info) as file:
            return file.read(most + 1)


@dataclass(frozen=True)
class TarSource(Source):
    """The files in a tar that isn't compressed, in its order."""

    def entries(self) -> Iterator[Entry]:
        """See Source. Raises SourceUnreadable where the tar breaks off."""
        with tarfile.open(self.name, "r:") as tar:
            for info in _files(self.name, tar):
                yield Entry(shown(info.name), info.size, partial(self._read, info.offset_data, info.size))

    def _read(self, place: int, size: int, most: int) -> bytes:
        with Path(self.name).open("rb") as file:
            file.seek(place)
            return file.read(min(size, most + 1))


@dataclass(frozen=True)
class CompressedTarSource(Source):
    """The files in a compressed tar, which can only be read from its beginning on."""

    is_stream: ClassVar[bool] = True

    def entries(self) -> Iterator[Entry]:
        """See Source. Raises SourceUnreadable where the tar breaks off."""
        with tarfile.open(self.name, "r|*") as tar:
            for info in _files(self.name, tar):
                yield Entry(shown(info.name), info.size, partial(_unpack, tar, info))


def _unpack(tar: tarfile.TarFile, info: tarfile.TarInfo, most: int) -> bytes:
    file = tar.extractfile(info)
    with intact(f"{info.name} cannot be unpacked", PurePosixPath(info.name)):
        return b"" if file is None else file.read(most + 1)


def _files(name: str, tar: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    """Yield the files of a tar; forget each, where tarfile would remember all."""
    try:
        while info := tar.next():
            tar.members.clear()  # type: ignore[attr-defined]
            if info.isreg() and not info.issparse() and not is_hidden(info.name):
                yield info
    except DAMAGE as error:
        raise SourceUnreadable(f"{name} breaks off or is damaged ({error}). Make it again.") from error
