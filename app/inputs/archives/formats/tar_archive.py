"""Tars, plain or in gzip: read from front to back, twice, so that no more than one file of it is in memory."""

from __future__ import annotations

import gzip
import io
import sys
import tarfile
from collections.abc import Iterator
from pathlib import PurePosixPath

from app import errors
from app.inputs.archives.faults import Overspent, archive_error, intact, too_large
from app.inputs.archives.formats.budget import Budget, check_entries
from app.inputs.archives.formats.interface import HEAD, Entry
from app.inputs.limits import ArchiveLimits

GZIP = b"\x1f\x8b"
MOST_READ = 2**16  # bytes at once: headers that are longer are nobody's


class ForwardFile:
    """A file that is read forwards within a budget."""

    def __init__(self, file: io.BufferedIOBase, budget: Budget) -> None:
        self._file, self._budget, self._place = file, budget, 0
        self.last = b""

    def tell(self) -> int:
        """Return where it is."""
        return self._place

    def read(self, size: int) -> bytes:
        """Return so many bytes, or what is left. Raises ValueError for more than a header has."""
        if not 0 <= size <= MOST_READ:
            raise ValueError("a header is too long")
        self.last = self.take(size)
        return self.last

    def seek(self, place: int) -> None:
        """Go forward, at most to the end. Raises ValueError for a place that lies behind."""
        if place < self._place:
            raise ValueError("a header points backwards")
        while self._place < place and self.take(min(MOST_READ, place - self._place)):
            pass

    def take(self, size: int) -> bytes:
        """Return any number of bytes, or what is left. Raises Overspent."""
        data = self._file.read(min(size, self._budget.left + 1))
        self._place += len(data)
        self._budget.spend(len(data))
        return data


class TarArchive:
    """A tar in memory. See Archive."""

    is_stream = True

    def __init__(self, data: bytes, filename: str, limits: ArchiveLimits) -> None:
        self._data, self._limits = data, limits
        self.entries: list[Entry] = []
        self._places: list[tuple[int, int]] = []  # where each file's contents begin, and their size
        self._heads: list[bytes] = []
        with intact(f"{filename or 'The archive'} is no intact tar"):
            self._list(self._opened())
        self._file = self._opened()

    def head(self, entry: Entry) -> bytes:
        """See Archive."""
        return self._heads[entry.place]

    def read(self, entry: Entry, most: int) -> bytes:
        """See Archive."""
        start, size = self._places[entry.place]
        if start < self._file.tell():
            self._file = self._opened()
        self._file.seek(start)
        return self._file.take(min(size, most + 1))

    def _opened(self) -> ForwardFile:
        raw = io.BytesIO(self._data)
        file: io.BufferedIOBase = gzip.GzipFile(fileobj=raw) if self._data.startswith(GZIP) else raw
        return ForwardFile(file, Budget.of(len(self._data), self._limits))

    def _list(self, file: ForwardFile) -> None:
        try:
            for info in _infos(file):
                check_entries(len(self.entries) + 1, self._limits)
                self.entries.append(_entry(len(self.entries), info))
                self._places.append((info.offset_data, info.size))
                is_file = info.isreg() and not info.issparse()
                self._heads.append(file.read(min(info.size, HEAD)) if is_file else b"")
        except Overspent as error:
            name = self.entries[-1].name.decode(errors="replace") if self.entries else ""
            raise too_large(error, PurePosixPath(name) if name else None) from error


class _Info(tarfile.TarInfo):
    """A file's header. The map of a sparse file stays unread: it may be of any length, and such files are left out."""

    def _proc_gnusparse_10(self, next: tarfile.TarInfo, pax_headers: object, tarfile: object) -> None:  # noqa: A002
        next.sparse = [(0, 0)]  # type: ignore[assignment]


def _infos(file: ForwardFile) -> Iterator[tarfile.TarInfo]:
    """Yield what it holds. Raises ArchiveUnreadable if it breaks off, which tarfile takes for the end."""
    tar = tarfile.TarFile(fileobj=file, tarinfo=_Info, encoding="utf-8", errors="surrogateescape")  # type: ignore[arg-type]
    while info := tar.next():
        tar.members.clear()  # type: ignore[attr-defined]
        yield info
    if file.last != bytes(tarfile.BLOCKSIZE):
        detail = "It breaks off before its end mark. Send the whole file, or make it again."
        raise archive_error(errors.ArchiveUnreadable, detail)
    file.seek(sys.maxsize)  # to the end, where gzip's check sum is


def _entry(place: int, info: tarfile.TarInfo) -> Entry:
    name = info.name.encode("utf-8", "surrogateescape")
    is_utf8 = "path" in info.pax_headers and not any("\ud800" <= letter <= "\udfff" for letter in info.name)
    return Entry(
        place,
        name,
        declared=info.name if is_utf8 else None,
        size=info.size if info.isreg() else 0,
        is_folder=info.isdir(),
        is_link=not info.isdir() and (not info.isreg() or info.issparse()),
    )
