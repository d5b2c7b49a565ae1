"""Errors in what was uploaded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

from app.errors.base import AppError

MOST_TOLD = 100  # faulty fields, images or labels of a request that are named


class OneOfMany(AppError):
    """An error about one image of a request, or its label; it may be one of several, which are told together."""

    @property
    def entry(self) -> dict[str, Any]:
        """Return what a list of faults says of this one."""
        told: dict[str, Any] = {
            name: self.members[name] for name in ("field", "index", "filename") if name in self.members
        }
        return {"type": self.type, **told, "detail": self.detail}

    def among(self, faults: Sequence[OneOfMany]) -> Self:
        """Return the same as the error of a request with these faults."""
        listed = [fault.entry for fault in faults[:MOST_TOLD]]
        return type(self)(self.detail, **self.members, errors=listed, errors_count=len(faults))


class NotAForm(AppError):
    status = 415
    type, title = "/problems/not-a-form", "The body is not a form"


class EncodingNotTaken(AppError):
    status = 415
    type, title = "/problems/content-encoding", "The body is compressed in a way that is not taken"


class ImagesMissing(AppError):
    type, title = "/problems/images-missing", "No images were sent"


class TextsMissing(AppError):
    type, title = "/problems/texts-missing", "No texts were sent"


class TooManyTexts(AppError):
    status = 413
    type, title = "/problems/too-many-texts", "More texts than this server takes"


class InputsMissing(AppError):
    type, title = "/problems/inputs-missing", "No vectors were sent"


class TooManyInputs(AppError):
    status = 413
    type, title = "/problems/too-many-inputs", "More vectors than this server takes"


class TargetsMismatch(AppError):
    type, title = "/problems/targets-mismatch", "Inputs and targets differ in number"


class TableUnreadable(AppError):
    type, title = "/problems/table-unreadable", "The table cannot be read"


class ExamplesUnsuitable(AppError):
    type, title = "/problems/examples-unsuitable", "The checkpoint takes another kind of example"


class UploadAmbiguous(AppError):
    type, title = "/problems/upload-ambiguous", "Both images and an archive were sent"


class LabelsMismatch(AppError):
    type, title = "/problems/labels-mismatch", "Images and labels differ in number"


class LabelInvalid(OneOfMany):
    type, title = "/problems/label-invalid", "A label cannot be used"


class CropInvalid(AppError):
    type, title = "/problems/crop-invalid", "A crop cannot be used"


class TooFewClasses(AppError):
    type, title = "/problems/too-few-classes", "A classifier needs two classes"


class TooManyClasses(AppError):
    type, title = "/problems/too-many-classes", "More classes than this server takes"


class TooManyImages(AppError):
    status = 413
    type, title = "/problems/too-many-images", "More images than this server takes"


class SupportUnsuitable(AppError):
    type, title = "/problems/support-unsuitable", "The support set does not fit the checkpoint"


class ExampleError(OneOfMany):
    """An example cannot be used; the whole request fails with it, unless it asks to go on without."""

    def alone(self) -> Self:
        """Return the same without its traceback and cause, which hold on to the bytes of the file."""
        return type(self)(self.detail, **self.members)


class TextInvalid(ExampleError):
    type, title = "/problems/text-invalid", "A text cannot be used"


class NumbersInvalid(ExampleError):
    type, title = "/problems/numbers-invalid", "The numbers of an example cannot be used"


class ImageError(ExampleError):
    """An image cannot be used."""


class ImageEmpty(ImageError):
    type, title = "/problems/image-empty", "The file is empty"


class CropOutside(ImageError):
    type, title = "/problems/crop-outside", "The crop lies outside its image"


class ImageUnreadable(ImageError):
    type, title = "/problems/image-unreadable", "The file is not an image that can be read"


class ImageTruncated(ImageError):
    type, title = "/problems/image-truncated", "The image is cut short or damaged"


class ImageTooManyBytes(ImageError):
    status = 413
    type, title = "/problems/image-too-many-bytes", "The file is too large"


class ImageTooManyPixels(ImageError):
    status = 413
    type, title = "/problems/image-too-many-pixels", "The picture has too many pixels"


class TooManyPixels(ImageError):
    """The images of a request cost too much together: it fails, even if it asks to go on without those at fault."""

    status = 413
    type, title = "/problems/too-many-pixels", "The pictures have too many pixels together"


class ArchiveError(AppError):
    """An archive cannot be used; nothing of it is."""


class ArchiveUnreadable(ArchiveError):
    type, title = "/problems/archive-unreadable", "The archive cannot be read"


class ArchiveUnsafeName(ArchiveError):
    type, title = "/problems/archive-unsafe-name", "The archive names a file outside itself"


class ArchiveEncrypted(ArchiveError):
    type, title = "/problems/archive-encrypted", "The archive is encrypted"


class ArchiveNested(ArchiveError):
    type, title = "/problems/archive-nested", "The archive holds another archive"


class ArchiveTooLarge(ArchiveError):
    status = 413
    type, title = "/problems/archive-too-large", "The archive unpacks to too much"


class ArchiveLayout(ArchiveError):
    type, title = "/problems/archive-layout", "The archive is not a folder for each class"


class ArchiveEncoding(ArchiveError):
    type, title = "/problems/archive-encoding", "The encoding of the names in the archive is not known"


class ArchiveManifest(ArchiveError):
    type, title = "/problems/archive-manifest", "A list of labels in the archive cannot be used"


class UploadsUnavailable(AppError):
    status = 503
    type, title = "/problems/uploads-unavailable", "The upload cannot be received now"
