"""Archives as the tools of other systems write them, and as the reader reads them."""

from __future__ import annotations

import io
import struct
import tarfile
import zlib
from collections.abc import Mapping
from functools import cache

from app.inputs.archives.reader import ArchiveReader
from app.inputs.support_set import SupportSet
from app.settings import Settings

PNG = b"\x89PNG\r\n\x1a\n"
DOS, UNIX = 0, 3
UTF8 = 0x800


def zip_of(
    files: Mapping[bytes, bytes], *, system: int = DOS, flags: int = 0, extra: Mapping[bytes, bytes] | None = None
) -> bytes:
    """A zip with these very names: as Windows Explorer writes it, unless `system` and `flags` say otherwise."""
    body, directory = b"", b""
    for name, data in files.items():
        more = (extra or {}).get(name, b"")
        sizes = struct.pack("<LLLHH", zlib.crc32(data), len(data), len(data), len(name), len(more))
        start = struct.pack("<HHHHH", 20, flags, 0, 0, 0x21) + sizes
        directory += (
            b"PK\x01\x02" + bytes([20, system]) + start + bytes(10) + struct.pack("<L", len(body)) + name + more
        )
        body += b"PK\x03\x04" + start + name + more + data
    end = struct.pack("<HHHHLLH", 0, 0, len(files), len(files), len(directory), len(body), 0)
    return body + directory + b"PK\x05\x06" + end


def windows_zip(folders: list[str], encoding: str) -> bytes:
    """A zip of a picture in each folder, with names in a code page, as Windows Explorer writes it."""
    return zip_of({f"{folder}/{number}.jpg".encode(encoding): PNG for number, folder in enumerate(folders)})


def unicode_path(name: bytes, text: str) -> bytes:
    """Info-ZIP's extra field with a name in Unicode."""
    field = struct.pack("<BL", 1, zlib.crc32(name)) + text.encode()
    return struct.pack("<HH", 0x7075, len(field)) + field


def tar_of(
    files: Mapping[str, bytes], mode: str = "w", form: int = tarfile.GNU_FORMAT, encoding: str = "utf-8"
) -> bytes:
    """A tar of files."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode, format=form, encoding=encoding) as tar:  # type: ignore[call-overload]
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


@cache
def _reader(**settings: int) -> ArchiveReader:
    return ArchiveReader.of(Settings.model_validate(settings))


def unpack(
    data: bytes, encoding: str | None = None, least_classes: int = 2, **settings: int
) -> tuple[SupportSet, list[bytes]]:
    """What the reader makes of an archive, and the bytes of its pictures."""
    support, contents = _reader(**settings).read(data, "a.zip", least_classes, encoding)
    return support, [image for _, image in contents]


def read(data: bytes, encoding: str | None = None, **settings: int) -> SupportSet:
    """What the reader makes of an archive."""
    return unpack(data, encoding, **settings)[0]
