"""Zips with a folder of images for each class, read in memory and within limits, never unpacked to disk."""

from __future__ import annotations

import io
import re
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import PurePosixPath

from app import errors
from app.inputs.support_set import LEAST_CLASSES, Contents, SupportSet, Upload, check_classes, check_count, check_label
from app.settings import MiB, Settings
from kshot import text
from models.inputs.image import IMAGE_SUFFIXES

# Pictures in the eyes of whoever sent them: leaving them out in silence would surprise.
FOREIGN_IMAGES = {".heic", ".heif", ".avif", ".tif", ".tiff", ".jp2", ".jxl", ".dng"}
ARCHIVES = {".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar"}
JUNK = {"__MACOSX", "Thumbs.db", "desktop.ini"}
CENTRAL_ENTRY = b"PK\x01\x02"
UTF8_NAME = 0x800
ENCRYPTED = 0x1
MAX_PATH, MAX_PART = 1000, 255  # bytes
# What zipfile raises on bytes that are no zip, or one that was tampered with.
DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    IndexError,
    NotImplementedError,
    OSError,
    ValueError,
)


@dataclass(frozen=True)
class Member:
    """A file of the archive and its name, cleaned."""

    info: zipfile.ZipInfo
    path: PurePosixPath

    @property
    def is_image(self) -> bool:
        """By its name; the rest is left out."""
        return not _is_junk(self.path) and self.path.suffix.lower() in IMAGE_SUFFIXES


@dataclass
class Budget:
    """Bytes that may still be unpacked, in all and of one image; what the headers say doesn't count."""

    left: int
    image: int

    def read(self, archive: zipfile.ZipFile, member: Member) -> bytes:
        """The member's bytes, or the first that are too many for an image. Raises ArchiveTooLarge."""
        with _intact(f"{member.path} cannot be unpacked", member.path), archive.open(member.info) as file:
            data = file.read(min(self.left, self.image) + 1)
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

    def read(self, data: bytes, filename: str, least_classes: int = LEAST_CLASSES) -> tuple[SupportSet, Contents]:
        """The images of a zip, sorted by path; the classes are its folders, sorted."""
        self._check_entries(data)
        with _intact(f"{filename or 'The archive'} is no intact zip"):
            archive = zipfile.ZipFile(io.BytesIO(data))
        files = sorted(_files(archive), key=lambda member: member.path)
        images = [member for member in files if member.is_image]
        support = self._support_set(images, [_shown(member.path) for member in files if not member.is_image])
        check_classes(support.classes, "archive", self.settings, least_classes)
        return support, self._contents(archive, images, support.uploads, len(data))

    def _check_entries(self, data: bytes) -> None:
        """Counts them before zipfile makes an object of each; no entry comes without this mark."""
        most = self.settings.max_archive_entries
        if data.count(CENTRAL_ENTRY) > most:
            raise _error(errors.ArchiveTooLarge, f"It has more than {most} entries. Send fewer images.")

    def _support_set(self, images: Sequence[Member], skipped: list[str]) -> SupportSet:
        if not images:
            raise _error(errors.ArchiveLayout, "It holds no images. Put a folder of images for each class into it.")
        check_count(len(images), "archive", self.settings)
        prefix = _wrapping(images)
        uploads = [
            Upload("archive", index, _shown(member.path), _label(member, prefix, index))
            for index, member in enumerate(images)
        ]
        classes = sorted({upload.label for upload in uploads})
        return SupportSet(uploads, classes, skipped)

    def _contents(
        self, archive: zipfile.ZipFile, images: Sequence[Member], uploads: Sequence[Upload], size: int
    ) -> Contents:
        unpacked = min(self.settings.max_archive_bytes, max(size * self.settings.max_archive_ratio, MiB))
        budget = Budget(unpacked, self.settings.max_image_bytes)
        return ((upload, budget.read(archive, member)) for upload, member in zip(uploads, images, strict=True))


@contextmanager
def _intact(fault: str, path: PurePosixPath | None = None) -> Iterator[None]:
    """Raises ArchiveUnreadable for whatever zipfile raises on damaged or hostile bytes."""
    try:
        yield
    except DAMAGE as error:
        detail = f"{fault} ({error}). Make the zip again with zip -r."
        raise _error(errors.ArchiveUnreadable, detail, path) from error


def _files(archive: zipfile.ZipFile) -> Iterator[Member]:
    seen: set[PurePosixPath] = set()
    for info in archive.infolist():
        name = _name(info)
        _check_length(name)
        path = _safe_path(name)
        if name.endswith("/"):
            continue
        if not path.parts:
            raise _error(errors.ArchiveUnreadable, "A file in it has no name. Make it again with zip -r.")
        _check(info, path)
        if path in seen:
            raise _error(errors.ArchiveLayout, f"{path} is in it twice. Give each file its own name.", path)
        seen.add(path)
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


def _safe_path(name: str) -> PurePosixPath:
    """The parts of an entry's name. Raises ArchiveUnsafeName if it leads out of the archive."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or re.match(r"[A-Za-z]:", str(path)):
        raise _error(errors.ArchiveUnsafeName, f"{path} leads out of the archive. Zip the folder itself.", path)
    return path


def _check_length(name: str) -> None:
    """Raises for names longer than file systems take: nobody's folders have them."""
    longest = max(len(part.encode()) for part in name.split("/"))
    if len(name.encode()) > MAX_PATH or longest > MAX_PART:
        most = f"{MAX_PATH} bytes, {MAX_PART} between slashes"
        raise _error(errors.ArchiveUnreadable, f"It holds the name {name:.50}…, and takes names of at most {most}.")


def _name(info: zipfile.ZipInfo) -> str:
    """The entry's name with / between its parts.

    macOS writes UTF-8 without saying so, and splits accents from their letters.
    """
    name = info.filename
    if not info.flag_bits & UTF8_NAME:
        with suppress(UnicodeError):
            name = name.encode("cp437").decode("utf-8")
    return unicodedata.normalize("NFC", name.replace("\\", "/"))


def _is_junk(path: PurePosixPath) -> bool:
    return any(part in JUNK or part.startswith(".") for part in path.parts)


def _wrapping(members: Sequence[Member]) -> int:
    """1 if all images are in one folder that holds folders: the one that was zipped; else 0."""
    tops = {member.path.parts[0] for member in members}
    return int(len(tops) == 1 and any(len(member.path.parts) > 2 for member in members))


def _label(member: Member, prefix: int, index: int) -> str:
    if len(member.path.parts) < prefix + 2:
        detail = f"{member.path} is in no class's folder. Put each image into the folder of its class."
        raise _error(errors.ArchiveLayout, detail, member.path)
    filename = _shown(member.path)
    return check_label(
        member.path.parts[prefix], f"The folder of {filename}", field="archive", index=index, filename=filename
    )


def _error(kind: type[errors.AppError], detail: str, path: PurePosixPath | None = None) -> errors.AppError:
    return kind(detail, field="archive", **({"filename": _shown(path)} if path else {}))


def _shown(path: PurePosixPath) -> str:
    return text.shown(str(path))
