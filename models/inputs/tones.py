"""Tones of more than eight bits by the range that they use: a camera's 12 bits come in files of 16."""

import math
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops
from PIL.ImageFile import ImageFile

DEPTHS = (8, 10, 12, 14, 16)
"""Bits that cameras and scanners give a tone; a file takes the fewest that hold its largest value."""

_MEANING, _ZERO_IS_WHITE, _NUMBERS, _WHOLE = 262, 0, 339, 1  # tags of a TIFF, and values of theirs

ROWS = 256
"""So many are converted at once: numbers take four times the room of the picture."""


def eight_bits(picture: Image.Image) -> Image.Image:
    """Return a picture of whole numbers or floats as one of 8 bits, with what is known of it beside its pixels."""
    tags = getattr(picture, "tag_v2", {})  # of a TIFF, which Pillow heeds for greys of 8 bits alone
    values = np.asarray(picture)
    if picture.mode == "I" and tags.get(_NUMBERS) == (_WHOLE,):
        values = values.view(np.uint32)
    low, high = _range(values)
    greys = np.concatenate([_scaled(band, low, high) for band in _bands(values)])
    grey = Image.fromarray(255 - greys if tags.get(_MEANING) == _ZERO_IS_WHITE else greys)
    grey.info = {name: value for name, value in picture.info.items() if name != "transparency"}
    return grey


def has_deep_colours(picture: ImageFile) -> bool:
    """Say whether the file of a picture that isn't decoded yet has colours of 16 bits. Pillow takes the higher 8."""
    return picture.mode in ("RGB", "RGBA") and bool(_other_bytes(picture))


def is_dark(picture: Image.Image) -> bool:
    """Say whether the highest two bits of all colours are 0: they may be of fewer bits than the file has room for."""
    return max(_highest(picture)[:3]) < 64


def deepen(picture: Image.Image, undecoded: ImageFile) -> None:
    """Bring the decoded higher bytes of colours of 16 bits to 8, by the lower bytes of the same file opened again."""
    undecoded.tile = _other_bytes(undecoded)
    undecoded.load()
    most = _highest(picture)
    depths = [_depth(max(most[:3]))] * 3 + [_depth(each) for each in most[3:]]
    high = [min(level << (16 - depth), 255) for depth in depths for level in range(256)]
    low = [level >> (depth - 8) for depth in depths for level in range(256)]
    picture.paste(ImageChops.add(picture.point(high), undecoded.point(low)))


def _highest(picture: Image.Image) -> list[int]:
    """Return the highest byte in each of a picture's bands."""
    counts = picture.histogram()
    bands = [counts[start : start + 256] for start in range(0, len(counts), 256)]
    return [max(level for level, count in enumerate(band) if count) for band in bands]


def _depth(most: int) -> int:
    """Return the fewest bits that hold numbers whose higher byte is no more than this."""
    return next(depth for depth in DEPTHS if most < 1 << (depth - 8))


def _other_bytes(picture: ImageFile) -> list[Any]:
    """Return the parts of a picture's file as if it had the bytes of its numbers swapped; none if these are of one."""
    found = []
    for tile in picture.tile:
        args = tile.args if isinstance(tile.args, tuple) else (tile.args,)
        mode = str(args[0])
        if mode[:-1] not in ("RGB;16", "RGBA;16"):
            return []
        order = "L" if mode[-1] == "B" or (mode[-1] == "N" and sys.byteorder == "big") else "B"
        swapped = (f"{mode[:-1]}{order}", *args[1:])
        found.append(tile._replace(args=swapped if isinstance(tile.args, tuple) else swapped[0]))
    return found


def _range(values: NDArray[Any]) -> tuple[float, float]:
    """Return what becomes black, and what would be one more than white.

    Whole numbers that a depth holds take that depth; floats from 0 to 1, and to 255, are taken at their word; all else
    goes from its least to its greatest value.
    """
    low, high = _extremes(values)
    if low >= 0 and values.dtype.kind == "f":
        for white in (1, 255):
            if high <= white:
                return 0, white * 256 / 255
    if low >= 0 and high < 1 << DEPTHS[-1]:
        return 0, 1 << next(depth for depth in DEPTHS if high < 1 << depth)
    return low, high + (high - low) / 255


def _extremes(values: NDArray[Any]) -> tuple[float, float]:
    """Return the least and the greatest number there is; 0 and 0 if there is none."""
    finite = [band[np.isfinite(band)] for band in _bands(values)] if values.dtype.kind == "f" else [values]
    numbers = [band for band in finite if band.size]
    if not numbers:
        return 0, 0
    return float(min(band.min() for band in numbers)), float(max(band.max() for band in numbers))


def _scaled(band: NDArray[Any], low: float, high: float) -> NDArray[np.uint8]:
    """Return numbers as 0 to 255; what is no number is black."""
    if band.dtype.kind != "f" and low == 0 and math.log2(high).is_integer():
        return (band >> (int(math.log2(high)) - 8)).astype(np.uint8)
    if high <= low:
        return np.zeros(band.shape, np.uint8)
    with np.errstate(invalid="ignore"):  # a NaN may be one that signals
        scaled = (band.astype(np.float64) - low) * (256 / (high - low))
    return np.nan_to_num(scaled, nan=0, posinf=255, neginf=0).clip(0, 255).astype(np.uint8)


def _bands(values: NDArray[Any]) -> Iterator[NDArray[Any]]:
    return (values[top : top + ROWS] for top in range(0, len(values), ROWS))
