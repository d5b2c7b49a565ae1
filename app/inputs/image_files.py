"""The form's field `images`, with or without labels."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import UploadFile

from app import errors
from app.api.labels import check_labels
from app.inputs.limits import SetLimits
from app.inputs.support_set import Contents, SupportSet, Upload
from kshot import text

MAX_FILENAME = 255


def queries(files: Sequence[UploadFile], limits: SetLimits) -> list[Upload]:
    """Return the images to classify. Raises ImagesMissing or TooManyImages."""
    return _uploads(files, [""] * len(files), limits)


def support_set(
    files: Sequence[UploadFile], labels: Sequence[str], limits: SetLimits, least_classes: int
) -> SupportSet:
    """Return the fields `images` and `labels` as a support set. Raises AppError."""
    if files:
        labels = check_labels(labels, len(files))
    uploads = _uploads(files, labels, limits)
    classes = list(dict.fromkeys(labels))
    limits.check_classes(classes, "labels", least_classes)
    return SupportSet(uploads, classes, [])


def contents(files: Sequence[UploadFile], uploads: Sequence[Upload]) -> Contents:
    """Yield what is in the files; reads from disk what is large."""
    return ((upload, file.file.read()) for upload, file in zip(uploads, files, strict=True))


def filename(file: UploadFile) -> str:
    """Return a file's name as answers show it."""
    return text.shown(file.filename or "")[:MAX_FILENAME]


def _uploads(files: Sequence[UploadFile], labels: Sequence[str], limits: SetLimits) -> list[Upload]:
    if not files:
        raise errors.ImagesMissing("Send at least one file in the field 'images'.", field="images")
    limits.check_images(len(files), "images")
    paired = zip(files, labels, strict=True)
    return [Upload("images", index, filename(file), label) for index, (file, label) in enumerate(paired)]
