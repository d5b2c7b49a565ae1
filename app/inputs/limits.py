"""How much may be uploaded."""

from __future__ import annotations

from dataclasses import dataclass

from app.settings import SettingsPart


@dataclass(frozen=True, kw_only=True)
class ImageLimits(SettingsPart):
    """How many pictures a request may hold, and how large they may be."""

    max_images: int
    max_image_bytes: int
    max_image_pixels: int
    max_request_pixels: int


@dataclass(frozen=True, kw_only=True)
class ArchiveLimits(SettingsPart):
    """How much an archive may unpack to."""

    max_archive_bytes: int
    max_archive_ratio: int
    max_archive_entries: int
