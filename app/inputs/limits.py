"""How much may be uploaded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app import errors
from app.settings import SettingsPart

LEAST_CLASSES = 2
TOO_MANY = {"images": errors.TooManyImages, "texts": errors.TooManyTexts, "inputs": errors.TooManyInputs}


@dataclass(frozen=True, kw_only=True)
class ImageLimits(SettingsPart):
    """How large the pictures of a request may be."""

    max_image_bytes: int
    max_image_pixels: int
    max_request_pixels: int


@dataclass(frozen=True, kw_only=True)
class TextLimits(SettingsPart):
    """How long the texts of a request may be."""

    max_text_bytes: int


@dataclass(frozen=True, kw_only=True)
class ArchiveLimits(SettingsPart):
    """How much an archive may unpack to."""

    max_archive_bytes: int
    max_archive_ratio: int
    max_archive_entries: int
    max_image_bytes: int


@dataclass(frozen=True, kw_only=True)
class SetLimits(SettingsPart):
    """How many examples and classes a request may have. The checks raise errors about a field of the request."""

    max_images: int
    max_texts: int
    max_inputs: int
    max_classes: int

    def check_examples(self, count: int, kind: str, field: str) -> None:
        """Raise TooManyImages, TooManyTexts or TooManyInputs, as the kind of example is."""
        most: int = getattr(self, f"max_{kind}")
        if count > most:
            limit = f"a request, and a model in all, may have {most} (KSHOT_MAX_{kind.upper()})"
            raise TOO_MANY[kind](f"There are {count} {kind}; {limit}. Send fewer.", field=field)

    def check_classes(
        self, classes: Sequence[str], field: str, least: int = LEAST_CLASSES, kind: str = "images"
    ) -> None:
        """Raise TooFewClasses or TooManyClasses."""
        if len(classes) < least:
            detail = f"There are no {kind}. Send {kind} of at least two classes."
            if classes:
                detail = f"All {kind} are labelled {classes[0]!r}. Add {kind} of at least one other class."
            raise errors.TooFewClasses(detail, field=field)
        if len(classes) > self.max_classes:
            detail = (
                f"There are {len(classes)} classes; this server takes {self.max_classes} (KSHOT_MAX_CLASSES). "
                f"Give all {kind} of a class the same label, or send fewer classes."
            )
            raise errors.TooManyClasses(detail, field=field)
