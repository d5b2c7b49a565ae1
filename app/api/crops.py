"""Parts of pictures, as detectors and other programs give them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from app import errors

LONGEST = 100  # characters of four numbers


class Box(NamedTuple):
    """A rectangle of a picture in its pixels, upright as people see it."""

    x: float
    y: float
    width: float
    height: float

    @classmethod
    def parse(cls, text: str) -> Box:
        """Read "x,y,width,height". Raises ValueError."""
        if len(text) > LONGEST:
            raise ValueError("it is too long")
        parts = [float(part) for part in text.split(",")]
        if len(parts) != len(cls._fields):
            raise ValueError(f"it has {len(parts)} numbers, not 4")
        box = cls(*parts)
        if not all(map(math.isfinite, parts)) or min(box.width, box.height) <= 0:
            raise ValueError("width and height have to be more than 0")
        return box

    def within(self, size: tuple[int, int]) -> tuple[int, int, int, int] | None:
        """Return left, top, right, bottom in whole pixels, as far as they lie in a picture of this width and height."""
        width, height = size
        left, top = max(0, math.floor(self.x)), max(0, math.floor(self.y))
        right, bottom = min(width, math.ceil(self.x + self.width)), min(height, math.ceil(self.y + self.height))
        return (left, top, right, bottom) if left < right and top < bottom else None


def check_crops(crops: Sequence[str], images: int) -> list[Box | None]:
    """Return the field `crop`: a box for each image, or several of a single one; None for a whole picture.

    Raises CropInvalid.
    """
    if not crops:
        return [None] * images
    if len(crops) != images and images != 1:
        detail = f"There are {images} images and {len(crops)} crops. Send one for each, or several of a single image."
        raise errors.CropInvalid(detail, field="crop")
    return [_box(crop, index) if crop.strip() else None for index, crop in enumerate(crops)]


def _box(crop: str, index: int) -> Box:
    try:
        return Box.parse(crop)
    except ValueError as error:
        detail = f"crop[{index}] is {crop!r:.80}: {error}. Send x,y,width,height in pixels, such as 10,20,200,150."
        raise errors.CropInvalid(detail, field="crop", index=index) from error
