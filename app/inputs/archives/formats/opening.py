"""Which format an archive has, by its first bytes."""

from __future__ import annotations

import tarfile

from app import errors
from app.inputs.archives.faults import archive_error
from app.inputs.archives.formats.interface import Archive
from app.inputs.archives.formats.tar_archive import GZIP, TarArchive
from app.inputs.archives.formats.zip_archive import ZipArchive
from app.inputs.limits import ArchiveLimits
from models.inputs.formats import PREFIX, looks_foreign, looks_like_picture

FOREIGN = {
    b"Rar!\x1a\x07": "a RAR archive",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"BZh": "packed by bzip2",
    b"\xfd7zXZ\x00": "packed by xz",
    b"\x28\xb5\x2f\xfd": "packed by zstd",
}


def opened(data: bytes, filename: str, limits: ArchiveLimits) -> Archive:
    """Return the archive in these bytes. Raises ArchiveError."""
    if data.startswith(GZIP) or _is_tar(data):
        return TarArchive(data, filename, limits)
    if foreign := _what_else(data[:PREFIX]):
        detail = f"{filename or 'The archive'} is {foreign}. Send a zip, a tar or a tar.gz of class folders."
        raise archive_error(errors.ArchiveUnreadable, detail)
    return ZipArchive(data, filename, limits)


def _what_else(head: bytes) -> str | None:
    """Return what a file is that begins so, in words, if it is an archive that isn't read or no archive at all."""
    for mark, kind in FOREIGN.items():
        if head.startswith(mark):
            return kind
    picture = looks_like_picture(head)
    return f"a picture ({picture})" if picture else looks_foreign(head)


def _is_tar(data: bytes) -> bool:
    """Whether the first block is a tar's header, whose checksum is right."""
    try:
        tarfile.TarInfo.frombuf(data[: tarfile.BLOCKSIZE], "utf-8", "surrogateescape")
    except tarfile.TarError:
        return False
    return True
