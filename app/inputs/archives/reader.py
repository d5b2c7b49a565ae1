"""Zips with a folder of images for each class, read in memory and within limits, never unpacked to disk."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass

from app import errors
from app.api.labels import check_label
from app.inputs.archives.faults import archive_error, intact, shown
from app.inputs.archives.members import Member, members
from app.inputs.limits import LEAST_CLASSES, ArchiveLimits, SetLimits
from app.inputs.support_set import Contents, SupportSet, Upload
from app.settings import Settings

CENTRAL_ENTRY = b"PK\x01\x02"
LEAST_UNPACKED = 2**20  # bytes that any archive may unpack to, whatever its ratio


@dataclass
class Budget:
    """Bytes that may still be unpacked, in all and of one image; what the zip's headers say doesn't count."""

    left: int
    image: int

    def read(self, archive: zipfile.ZipFile, member: Member) -> bytes:
        """Return the member's bytes, or the first that are too many for an image. Raises ArchiveTooLarge."""
        with intact(f"{member.path} cannot be unpacked", member.path), archive.open(member.info) as file:
            data = file.read(min(self.left, self.image) + 1)
        self.left -= len(data)
        if self.left < 0:
            detail = f"With {member.path} it unpacks to more than is taken here. Send fewer or smaller images."
            raise archive_error(errors.ArchiveTooLarge, detail, member.path)
        return data


@dataclass(frozen=True)
class ArchiveReader:
    """Reads one support set from a zip.

    Raises ArchiveErrors, and the errors about labels, classes and the number of images.
    """

    limits: ArchiveLimits
    set_limits: SetLimits

    @classmethod
    def of(cls, settings: Settings) -> ArchiveReader:
        """Return the reader that the settings describe."""
        return cls(ArchiveLimits.of(settings), SetLimits.of(settings))

    def read(self, data: bytes, filename: str, least_classes: int = LEAST_CLASSES) -> tuple[SupportSet, Contents]:
        """Return the images of a zip, sorted by path; the classes are its folders, sorted."""
        self._check_entries(data)
        with intact(f"{filename or 'The archive'} is no intact zip"):
            archive = zipfile.ZipFile(io.BytesIO(data))
        files = members(archive)
        images = [member for member in files if member.is_image]
        support = self._support_set(images, [shown(member.path) for member in files if not member.is_image])
        self.set_limits.check_classes(support.classes, "archive", least_classes)
        return support, self._contents(archive, images, support.uploads, len(data))

    def _check_entries(self, data: bytes) -> None:
        """Count the entries by the mark that each begins with, before zipfile makes an object of each."""
        most = self.limits.max_archive_entries
        if data.count(CENTRAL_ENTRY) > most:
            detail = f"It has more than {most} entries. Send fewer images."
            raise archive_error(errors.ArchiveTooLarge, detail)

    def _support_set(self, images: Sequence[Member], skipped: list[str]) -> SupportSet:
        if not images:
            detail = "It holds no images. Put a folder of images for each class into it."
            raise archive_error(errors.ArchiveLayout, detail)
        self.set_limits.check_images(len(images), "archive")
        depth = _depth_of_classes(images)
        uploads = [
            Upload("archive", index, shown(member.path), _label(member, depth, index))
            for index, member in enumerate(images)
        ]
        classes = sorted({upload.label for upload in uploads})
        return SupportSet(uploads, classes, skipped)

    def _contents(
        self, archive: zipfile.ZipFile, images: Sequence[Member], uploads: Sequence[Upload], size: int
    ) -> Contents:
        by_ratio = max(size * self.limits.max_archive_ratio, LEAST_UNPACKED)
        budget = Budget(min(self.limits.max_archive_bytes, by_ratio), self.limits.max_image_bytes)
        return ((upload, budget.read(archive, member)) for upload, member in zip(uploads, images, strict=True))


def _depth_of_classes(images: Sequence[Member]) -> int:
    """Return 1 if all images are in one folder that holds folders, the one that was zipped; else 0."""
    tops = {member.path.parts[0] for member in images}
    return int(len(tops) == 1 and any(len(member.path.parts) > 2 for member in images))


def _label(member: Member, depth: int, index: int) -> str:
    if len(member.path.parts) < depth + 2:
        detail = f"{member.path} is in no class's folder. Put each image into the folder of its class."
        raise archive_error(errors.ArchiveLayout, detail, member.path)
    filename = shown(member.path)
    return check_label(
        member.path.parts[depth], f"The folder of {filename}", field="archive", index=index, filename=filename
    )
