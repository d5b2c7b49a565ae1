"""The form's field `images`, with or without labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from fastapi import UploadFile

from app import errors
from app.api.crops import check_crops
from app.api.labels import check_labels
from app.inputs.limits import SetLimits
from app.inputs.support_set import Contents, SupportSet, Upload
from kshot import text

MAX_FILENAME = 255


def queries(files: Sequence[UploadFile], limits: SetLimits) -> list[Upload]:
    """Return the images to classify. Raises ImagesMissing or TooManyImages."""
    return _uploads(files, [""] * len(files), limits)


def parts(
    files: Sequence[UploadFile], crops: Sequence[str], limits: SetLimits
) -> tuple[Sequence[UploadFile], list[Upload]]:
    """Return the images to classify, or the parts of them, and the file of each.

    Raises ImagesMissing, TooManyImages or CropInvalid.
    """
    boxes = check_crops(crops, len(files)) if files else []
    several = len(files) == 1 and len(crops) > 1
    files = [*files] * len(crops) if several else files
    uploads = queries(files, limits)
    field = "crop" if several else "images"
    return files, [replace(upload, crop=box, field=field) for upload, box in zip(uploads, boxes, strict=True)]


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
    return ((upload, _read(file)) for upload, file in zip(uploads, files, strict=True))


def filename(file: UploadFile) -> str:
    """Return a file's name as answers show it."""
    return text.shown(file.filename or "")[:MAX_FILENAME]


def _read(file: UploadFile) -> bytes:
    file.file.seek(0)  # several parts of a picture read it again
    return file.file.read()


def _uploads(files: Sequence[UploadFile], labels: Sequence[str], limits: SetLimits) -> list[Upload]:
    if not files:
        raise errors.ImagesMissing("Send at least one file in the field 'images'.", field="images")
    limits.check_examples(len(files), "images", "images")
    paired = zip(files, labels, strict=True)
    return [Upload("images", index, filename(file), label) for index, (file, label) in enumerate(paired)]
