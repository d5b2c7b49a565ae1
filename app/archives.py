"""Zips with a folder of images for each class, read in memory and within limits, never unpacked to disk."""

from __future__ import annotations

import io
import re
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from app import errors
from app.settings import MiB, Settings
from app.uploads import SupportSet, Upload, check_classes, check_count, check_label
from models.preprocess import IMAGE_SUFFIXES

# Pictures in the eyes of whoever sent them: leaving them out in silence would surprise.
FOREIGN_IMAGES = {".heic", ".heif", ".avif", ".tif", ".tiff", ".jp2", ".jxl", ".dng"}
ARCHIVES = {".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar"}
JUNK = {"__MACOSX", "Thumbs.db", "desktop.ini"}
CENTRAL_ENTRY = b"PK\x01\x02"
UTF8_NAME = 0x800
ENCRYPTED = 0x1


@dataclass(frozen=True)
class Member:
    """A file of the archive and its name, cleaned."""

    info: zipfile.ZipInfo
    path: PurePosixPath


@dataclass
class Budget:
    """Bytes that may still be unpacked; what the headers say doesn't count."""

    left: int

    def read(self, archive: zipfile.ZipFile, member: Member) -> bytes:
        """The member's bytes. Raises ArchiveTooLarge once the budget is spent."""
        with archive.open(member.info) as file:
            data = file.read(self.left + 1)
        self.left -= len(data)
        if self.left < 0:
            raise _error(
                errors.ArchiveTooLarge,
                f"With {member.path} it unpacks to more than is taken here. Send fewer or smaller images.",
                member.path,
            )
        return data


@dataclass(frozen=True)
class ArchiveReader:
    """Reads one support set from a zip.

    Its errors are ArchiveErrors, and those of labels, classes and the number of images.
    """

    settings: Settings
    skipped: list[str] = field(default_factory=list)

    def read(self, data: bytes, filename: str) -> SupportSet:
        """The images of a zip, sorted by path; the classes are its folders, sorted."""
        self._check_entries(data)
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                return self._support_set(archive, len(data))
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError, ValueError) as error:
            detail = f"{filename or 'The archive'} is no intact zip ({error}). Make it again with zip -r."
            raise _error(errors.ArchiveUnreadable, detail) from error

    def _check_entries(self, data: bytes) -> None:
        """Counts them before zipfile makes an object of each; no entry comes without this mark."""
        most = self.settings.max_archive_entries
        if data.count(CENTRAL_ENTRY) > most:
            raise _error(errors.ArchiveTooLarge, f"It has more than {most} entries. Send fewer images.")

    def _support_set(self, archive: zipfile.ZipFile, size: int) -> SupportSet:
        members = sorted(self._images(archive), key=lambda member: member.path)
        if not members:
            raise _error(errors.ArchiveLayout, "It holds no images. Put a folder of images for each class into it.")
        check_count(len(members), "archive", self.settings)
        unpacked = min(self.settings.max_archive_bytes, max(size * self.settings.max_archive_ratio, MiB))
        budget = Budget(unpacked)
        prefix = _wrapping(members)
        uploads = [
            Upload(
                "archive",
                index,
                str(member.path),
                budget.read(archive, member),
                _label(member, prefix, index),
            )
            for index, member in enumerate(members)
        ]
        classes = sorted({upload.label for upload in uploads})
        check_classes(classes, "archive", self.settings)
        return SupportSet(uploads, classes, sorted(self.skipped))

    def _images(self, archive: zipfile.ZipFile) -> Iterator[Member]:
        seen: set[PurePosixPath] = set()
        for info in archive.infolist():
            path = _safe_path(info)
            if info.is_dir():
                continue
            _check(info, path)
            if path in seen:
                raise _error(errors.ArchiveLayout, f"{path} is in it twice. Give each file its own name.", path)
            seen.add(path)
            if _is_junk(path) or path.suffix.lower() not in IMAGE_SUFFIXES:
                self.skipped.append(str(path))
            else:
                yield Member(info, path)


def _check(info: zipfile.ZipInfo, path: PurePosixPath) -> None:
    """Raises for a file that cannot be taken and should not be left out in silence."""
    if info.flag_bits & ENCRYPTED:
        raise _error(errors.ArchiveEncrypted, f"{path} needs a password. Send a zip without one.", path)
    if _is_junk(path):
        return
    if path.suffix.lower() in ARCHIVES:
        raise _error(errors.ArchiveNested, f"{path} is an archive. Unpack it and zip its folders instead.", path)
    if path.suffix.lower() in FOREIGN_IMAGES:
        raise _error(errors.ImageUnreadable, f"{path} is of a format not read here. Convert it to JPEG or PNG.", path)
    # bz2 and lzma would unpack any amount at one go, past every budget.
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise _error(errors.ArchiveUnreadable, f"{path} is not stored or deflated. Make it again with zip -r.", path)


def _safe_path(info: zipfile.ZipInfo) -> PurePosixPath:
    """The entry's name with / between its parts. Raises ArchiveUnsafeName if it leads out of the archive."""
    path = PurePosixPath(_name(info).replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or re.match(r"[A-Za-z]:", str(path)):
        raise _error(errors.ArchiveUnsafeName, f"{path} leads out of the archive. Zip the folder itself.", path)
    return path


def _name(info: zipfile.ZipInfo) -> str:
    """The entry's name; macOS writes UTF-8 without saying so, and splits accents from their letters."""
    name = info.filename
    if not info.flag_bits & UTF8_NAME:
        with suppress(UnicodeError):
            name = name.encode("cp437").decode("utf-8")
    return unicodedata.normalize("NFC", name)


def _is_junk(path: PurePosixPath) -> bool:
    return any(part in JUNK or part.startswith(".") for part in path.parts)


def _wrapping(members: list[Member]) -> int:
    """1 if all images are in one folder that holds folders: the one that was zipped; else 0."""
    tops = {member.path.parts[0] for member in members}
    return int(len(tops) == 1 and any(len(member.path.parts) > 2 for member in members))


def _label(member: Member, prefix: int, index: int) -> str:
    if len(member.path.parts) < prefix + 2:
        detail = f"{member.path} is in no class's folder. Put each image into the folder of its class."
        raise _error(errors.ArchiveLayout, detail, member.path)
    return check_label(member.path.parts[prefix], "archive", index)


def _error(kind: type[errors.AppError], detail: str, path: PurePosixPath | None = None) -> errors.AppError:
    return kind(detail, field="archive", **({"filename": str(path)} if path else {}))
