"""How much may be uploaded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app import errors
from app.settings import SettingsPart

LEAST_CLASSES = 2


@dataclass(frozen=True, kw_only=True)
class ImageLimits(SettingsPart):
    """How large the pictures of a request may be."""

    max_image_bytes: int
    max_image_pixels: int
    max_request_pixels: int


@dataclass(frozen=True, kw_only=True)
class ArchiveLimits(SettingsPart):
    """How much an archive may unpack to."""

    max_archive_bytes: int
    max_archive_ratio: int
    max_archive_entries: int
    max_image_bytes: int


@dataclass(frozen=True, kw_only=True)
class SetLimits(SettingsPart):
    """How many images and classes a request may have. The checks raise errors about a field of the request."""

    max_images: int
    max_classes: int

    def check_images(self, images: int, field: str) -> None:
        """Raise TooManyImages."""
        if images > self.max_images:
            detail = (
                f"There are {images} images; a request, and a model in all, may have {self.max_images}. Send fewer."
            )
            raise errors.TooManyImages(detail, field=field)

    def check_classes(self, classes: Sequence[str], field: str, least: int = LEAST_CLASSES) -> None:
        """Raise TooFewClasses or TooManyClasses."""
        if len(classes) < least:
            detail = "There are no images. Send images of at least two classes."
            if classes:
                detail = f"All images are labelled {classes[0]!r}. Add images of at least one other class."
            raise errors.TooFewClasses(detail, field=field)
        if len(classes) > self.max_classes:
            detail = (
                f"There are {len(classes)} classes; this server takes {self.max_classes}. "
                "Give all images of a class the same label, or send fewer classes."
            )
            raise errors.TooManyClasses(detail, field=field)
