"""What a request brings: images with labels, or an archive of them, as one list."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from fastapi import UploadFile

from app import errors
from app.settings import Settings
from kshot import text

MAX_LABEL = 100
MAX_FILENAME = 255
LEAST_CLASSES = 2


@dataclass(frozen=True)
class Upload:
    """One image: its place in its field, its file name, and its label if it has one."""

    field: str
    index: int
    filename: str
    label: str = ""

    @property
    def place(self) -> str:
        """Which image this is, for people."""
        return f"{self.field}[{self.index}] ({self.filename})" if self.field == "images" else self.filename

    def error(self, kind: type[errors.AppError], detail: str) -> errors.AppError:
        """An error that is about this image."""
        return kind(detail, field=self.field, index=self.index, filename=self.filename)


Contents: TypeAlias = Iterable[tuple[Upload, bytes]]
"""Each upload with its bytes, read when their turn comes: no request has all its files unpacked at once."""


@dataclass(frozen=True)
class SupportSet:
    """Labelled images, the classes in their order, and the files of an archive that were left out."""

    uploads: list[Upload]
    classes: list[str]
    skipped: list[str]

    @property
    def labels(self) -> list[int]:
        """The place of each image's label among the classes."""
        order = {label: number for number, label in enumerate(self.classes)}
        return [order[upload.label] for upload in self.uploads]

    @property
    def shots(self) -> dict[str, int]:
        """Images of each class."""
        counts = dict.fromkeys(self.classes, 0)
        for upload in self.uploads:
            counts[upload.label] += 1
        return counts


def images(files: Sequence[UploadFile], settings: Settings, labels: Sequence[str] | None = None) -> list[Upload]:
    """The field `images`, with labels if there are any. Raises ImagesMissing or TooManyImages."""
    if not files:
        raise errors.ImagesMissing("Send at least one file in the field 'images'.", field="images")
    check_count(len(files), "images", settings)
    paired = zip(files, labels or [""] * len(files), strict=True)
    return [Upload("images", index, filename(file), label) for index, (file, label) in enumerate(paired)]


def filename(file: UploadFile) -> str:
    """Its name as answers show it."""
    return text.shown(file.filename or "")[:MAX_FILENAME]


def contents(files: Sequence[UploadFile], uploads: Sequence[Upload]) -> Contents:
    """What is in the files of `images`. Reads from disk what is large."""
    return ((upload, file.file.read()) for upload, file in zip(uploads, files, strict=True))


def support_set(
    files: Sequence[UploadFile], labels: Sequence[str], settings: Settings, least_classes: int
) -> SupportSet:
    """The fields `images` and `labels`. Raises AppError."""
    if files:
        labels = check_labels(labels, len(files))
    uploads = images(files, settings, labels)
    classes = list(dict.fromkeys(labels))
    check_classes(classes, "labels", settings, least_classes)
    return SupportSet(uploads, classes, [])


def check_count(images: int, field: str, settings: Settings) -> None:
    """Raises TooManyImages."""
    if images > settings.max_images:
        detail = f"There are {images} images; this server takes {settings.max_images} at once. Send fewer."
        raise errors.TooManyImages(detail, field=field)


def check_labels(labels: Sequence[str], images: int) -> list[str]:
    """The labels as they are kept. Raises LabelsMismatch or LabelInvalid."""
    if len(labels) != images:
        counts = f"There are {images} images and {len(labels)} labels."
        detail = f"{counts} Send one label for each image, in the same order."
        raise errors.LabelsMismatch(detail, field="labels")
    return [check_label(label, f"labels[{index}]", field="labels", index=index) for index, label in enumerate(labels)]


def check_label(label: str, place: str, **members: object) -> str:
    """The label as it is kept. Raises LabelInvalid, with `members` and the place it names."""
    try:
        plain = text.plain(label[: 10 * MAX_LABEL])  # not all of what may be a file sent as text
        if not 1 <= len(plain) <= MAX_LABEL:
            raise ValueError("it is empty" if not plain else "it is too long")
    except ValueError as error:
        detail = f"{place} is {label!r:.120}: {error}. Use 1 to {MAX_LABEL} letters, digits or other signs."
        raise errors.LabelInvalid(detail, **members) from error
    return plain


def check_classes(classes: Sequence[str], field: str, settings: Settings, least: int = LEAST_CLASSES) -> None:
    """Raises TooFewClasses or TooManyClasses."""
    if len(classes) < least:
        found = f"All images are labelled {classes[0]!r}." if classes else "There are no images."
        detail = f"{found} Add images of at least one other class."
        raise errors.TooFewClasses(detail, field=field)
    if len(classes) > settings.max_classes:
        detail = f"There are {len(classes)} classes; this server takes {settings.max_classes}. Send fewer."
        raise errors.TooManyClasses(detail, field=field)
