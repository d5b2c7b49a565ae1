"""The files of a zip, with names that are safe to use, and checks of what cannot be taken."""

from __future__ import annotations

import re
import unicodedata
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import PurePosixPath

from app import errors
from app.inputs.archives.faults import archive_error
from models.inputs.image import IMAGE_SUFFIXES

# Their sender takes these for pictures: leaving them out without an error would surprise.
FOREIGN_IMAGES = {".heic", ".heif", ".avif", ".tif", ".tiff", ".jp2", ".jxl", ".dng"}
ARCHIVES = {".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar"}
JUNK = {"__MACOSX", "Thumbs.db", "desktop.ini"}
UTF8_NAME = 0x800
ENCRYPTED = 0x1
MAX_PATH, MAX_PART = 1000, 255  # bytes


@dataclass(frozen=True)
class Member:
    """A file of the archive, and its cleaned name."""

    info: zipfile.ZipInfo
    path: PurePosixPath

    @property
    def is_image(self) -> bool:
        """Whether its name is that of an image; other files are left out."""
        return not _is_junk(self.path) and self.path.suffix.lower() in IMAGE_SUFFIXES


def members(archive: zipfile.ZipFile) -> list[Member]:
    """Return the archive's files, sorted by path. Raises ArchiveError, or ImageUnreadable."""
    return sorted(_members(archive), key=lambda member: member.path)


def _members(archive: zipfile.ZipFile) -> Iterator[Member]:
    seen: set[PurePosixPath] = set()
    for info in archive.infolist():
        name = _name(info)
        _check_length(name)
        path = _safe_path(name)
        if name.endswith("/"):
            continue
        if not path.parts:
            raise archive_error(errors.ArchiveUnreadable, "A file in it has no name. Make it again with zip -r.")
        _check(info, path)
        if path in seen:
            raise archive_error(errors.ArchiveLayout, f"{path} is in it twice. Give each file its own name.", path)
        seen.add(path)
        yield Member(info, path)


def _check(info: zipfile.ZipInfo, path: PurePosixPath) -> None:
    """Raise for a file that cannot be taken, and that should not be left out without an error."""
    if info.flag_bits & ENCRYPTED:
        raise archive_error(errors.ArchiveEncrypted, f"{path} needs a password. Send a zip without one.", path)
    if _is_junk(path):
        return
    if path.suffix.lower() in ARCHIVES:
        detail = f"{path} is an archive. Unpack it and zip its folders instead."
        raise archive_error(errors.ArchiveNested, detail, path)
    if path.suffix.lower() in FOREIGN_IMAGES:
        detail = f"{path} is of a format not read here. Convert it to JPEG or PNG."
        raise archive_error(errors.ImageUnreadable, detail, path)
    # bz2 and lzma would unpack any amount in one go, past every budget.
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        detail = f"{path} is not stored or deflated. Make it again with zip -r."
        raise archive_error(errors.ArchiveUnreadable, detail, path)


def _safe_path(name: str) -> PurePosixPath:
    """Return an entry's name as a path. Raises ArchiveUnsafeName if it leads out of the archive."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or re.match(r"[A-Za-z]:", str(path)):
        raise archive_error(errors.ArchiveUnsafeName, f"{path} leads out of the archive. Zip the folder itself.", path)
    return path


def _check_length(name: str) -> None:
    """Raise for names longer than file systems take: nobody's folders have them."""
    longest = max(len(part.encode()) for part in name.split("/"))
    if len(name.encode()) > MAX_PATH or longest > MAX_PART:
        most = f"{MAX_PATH} bytes, {MAX_PART} between slashes"
        detail = f"It holds the name {name:.50}…, and takes names of at most {most}."
        raise archive_error(errors.ArchiveUnreadable, detail)


def _name(info: zipfile.ZipInfo) -> str:
    """Return the entry's name with / between its parts.

    macOS writes UTF-8 without saying so, and splits accents from their letters.
    """
    name = info.filename
    if not info.flag_bits & UTF8_NAME:
        with suppress(UnicodeError):
            name = name.encode("cp437").decode("utf-8")
    return unicodedata.normalize("NFC", name.replace("\\", "/"))


def _is_junk(path: PurePosixPath) -> bool:
    return any(part in JUNK or part.startswith(".") for part in path.parts)
