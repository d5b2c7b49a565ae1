"""Archives of labelled pictures, read in memory and within limits, never unpacked to disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from app import errors
from app.inputs.archives.faults import archive_error, few, shown
from app.inputs.archives.folder import tree
from app.inputs.archives.formats.interface import Archive
from app.inputs.archives.formats.opening import opened
from app.inputs.archives.labelling import Labelled, Labelling, by_folders, uploads, warnings_of_labels
from app.inputs.archives.manifests.manifest import by_manifest, check_unread
from app.inputs.archives.members import Member, members
from app.inputs.limits import LEAST_CLASSES, ArchiveLimits, SetLimits
from app.inputs.support_set import Contents, LeftOut, SupportSet, Upload
from app.settings import Settings


@dataclass(frozen=True)
class ArchiveReader:
    """Reads one support set from a zip or a tar.

    Raises ArchiveErrors, and the errors about labels, classes and the number of images.
    """

    limits: ArchiveLimits
    set_limits: SetLimits

    @classmethod
    def of(cls, settings: Settings) -> ArchiveReader:
        """Return the reader that the settings describe."""
        return cls(ArchiveLimits.of(settings), SetLimits.of(settings))

    def read(
        self, data: bytes, filename: str, least_classes: int = LEAST_CLASSES, encoding: str | None = None
    ) -> tuple[SupportSet, Contents]:
        """Return the labelled pictures of an archive, and their bytes, which are read when their turn comes.

        The pictures are sorted by path, those of a tar as they come in it; the classes are sorted. No picture is
        decoded. `encoding` is that of names which don't say it.
        """
        support, pictures = self.labelled(opened(data, filename, self.limits), least_classes, encoding)
        return support, self._contents(pictures, support.uploads)

    def labelled(
        self, archive: Archive, least_classes: int = LEAST_CLASSES, encoding: str | None = None
    ) -> tuple[SupportSet, Sequence[Labelled]]:
        """Return the same of an opened archive, with the pictures themselves."""
        found = members(archive, encoding)
        files = [member for member in found if not member.is_folder]
        self._check_pictures(files)
        root = tree(found)
        listed = by_manifest(root)
        labelling = listed or by_folders(root)
        pictures = sorted(labelling.pictures, key=_in_stream if archive.is_stream else _by_path)
        kept = uploads(pictures)
        classes = sorted({upload.label for upload in kept})
        if not listed and len(classes) < least_classes:
            check_unread(root, classes[0])
        self.set_limits.check_classes(classes, "archive", least_classes)
        warnings = [*labelling.warnings, *warnings_of_labels(pictures, kept)]
        return SupportSet(kept, classes, _left_out(files, labelling), warnings), pictures

    def pool(self, data: bytes, filename: str, encoding: str | None = None) -> tuple[SupportSet, Contents]:
        """Return all pictures of an archive without labels, whatever folders they are in; see `read`."""
        archive = opened(data, filename, self.limits)
        files = [member for member in members(archive, encoding) if not member.is_folder]
        self._check_pictures(files)
        pictures = [Labelled(member, "", "") for member in files if not member.why_left_out]
        pictures = sorted(pictures, key=_in_stream if archive.is_stream else _by_path)
        kept = [Upload("archive", index, shown(each.member.path)) for index, each in enumerate(pictures)]
        left = [LeftOut(shown(member.path), member.why_left_out) for member in files if member.why_left_out]
        return SupportSet(kept, [], left), self._contents(pictures, kept)

    def _check_pictures(self, files: Sequence[Member]) -> None:
        """Raise ArchiveLayout or ArchiveUnsafeName if there are no pictures, and TooManyImages."""
        pictures = sum(not member.why_left_out for member in files)
        self.set_limits.check_examples(pictures, "images", "archive")
        if pictures:
            return
        why = few([f"{shown(each.path)}: {each.why_left_out}" for each in files], "; ")
        found = f"It holds no images that can be taken{f' ({why})' if why else ''}."
        if files and all(member.is_unsafe for member in files):
            detail = f"{found} Make it inside the folder that holds the classes: zip -r archive.zip ."
            raise archive_error(errors.ArchiveUnsafeName, detail)
        raise archive_error(errors.ArchiveLayout, f"{found} Put a folder of images for each class into it.")

    def _contents(self, pictures: Sequence[Labelled], kept: Sequence[Upload]) -> Contents:
        most = self.limits.max_image_bytes
        return ((upload, each.member.read(most)) for upload, each in zip(kept, pictures, strict=True))


def _in_stream(picture: Labelled) -> int:
    return picture.member.entry.place


def _by_path(picture: Labelled) -> PurePosixPath:
    return picture.member.path


def _left_out(files: Sequence[Member], labelling: Labelling) -> list[LeftOut]:
    """Return the files that weren't taken, and why."""
    taken = {each.member.path for each in labelling.pictures}
    left = [member for member in files if member.path not in taken]
    return [LeftOut(shown(each.path), each.why_left_out or labelling.unlabelled[each.path]) for each in left]
