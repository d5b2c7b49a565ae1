"""Zips: stored and deflated, with or without Zip64 and data descriptors."""

from __future__ import annotations

import io
import stat
import struct
import zipfile
import zlib
from contextlib import suppress

from app import errors
from app.inputs.archives.faults import intact
from app.inputs.archives.formats.budget import Budget, check_entries
from app.inputs.archives.formats.interface import HEAD, Entry
from app.inputs.limits import ArchiveLimits

CENTRAL_ENTRY = b"PK\x01\x02"
ENCRYPTED, UTF8_NAME = 0x1, 0x800
DOS_HOSTS = (0, 10, 14)  # MS-DOS, NTFS, VFAT: APPNOTE 4.4.2
UNICODE_PATH = 0x7075


class ZipArchive:
    """A zip in memory. See Archive."""

    is_stream = False

    def __init__(self, data: bytes, filename: str, limits: ArchiveLimits) -> None:
        # Counted by the mark that each begins with, before zipfile makes an object of each.
        check_entries(data.count(CENTRAL_ENTRY), limits)
        self._budget = Budget.of(len(data), limits)
        with intact(f"{filename or 'The archive'} is no intact zip"):
            self._file = zipfile.ZipFile(io.BytesIO(data))
            self._infos = self._file.infolist()
            self.entries = [entry_of(place, info) for place, info in enumerate(self._infos)]

    def head(self, entry: Entry) -> bytes:
        """See Archive. Entries are few enough for these bytes not to count."""
        with self._file.open(self._infos[entry.place]) as file:
            return file.read(HEAD)

    def read(self, entry: Entry, most: int) -> bytes:
        """See Archive."""
        with self._file.open(self._infos[entry.place]) as file:
            data = file.read(min(self._budget.left, most) + 1)
        self._budget.spend(len(data))
        return data


def entry_of(place: int, info: zipfile.ZipInfo) -> Entry:
    """Return what a zip says of the file at this place of its directory."""
    is_utf8 = bool(info.flag_bits & UTF8_NAME)
    full = info.orig_filename.partition("\0")[0]
    name = full.encode("utf-8" if is_utf8 else "cp437")
    return Entry(
        place,
        name,
        declared=full if is_utf8 else _unicode_path(info.extra, name),
        dos=info.create_system in DOS_HOSTS,
        size=info.file_size,
        is_link=stat.S_ISLNK(info.external_attr >> 16),
        obstacle=_obstacle(info),
    )


def _obstacle(info: zipfile.ZipInfo) -> tuple[type[errors.AppError], str] | None:
    if info.flag_bits & ENCRYPTED:
        return errors.ArchiveEncrypted, "needs a password. Send a zip without one."
    # bz2 and lzma would unpack any amount in one go, past every budget.
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return errors.ArchiveUnreadable, "is not stored or deflated. Make it again with zip -r."
    return None


def _unicode_path(extra: bytes, name: bytes) -> str | None:
    """Return the name in Info-ZIP's Unicode Path extra field, if there is one and it is this name's."""
    while len(extra) >= 4:
        kind, size = struct.unpack_from("<HH", extra)
        field, extra = extra[4 : 4 + size], extra[4 + size :]
        if kind == UNICODE_PATH and len(field) > 5 and field[:5] == struct.pack("<BL", 1, zlib.crc32(name)):
            with suppress(UnicodeError):
                return field[5:].decode()
    return None
