"""A picture's file, opened by what it is: its size is known before its pixels are decoded, as far as there are any."""

import io
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self, TypeAlias

from pi_heif import HeifImageFile
from PIL import Image
from PIL.AvifImagePlugin import AvifImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from models.inputs import av1, salvage, tones
from models.inputs.formats import looks_like_picture

Draft: TypeAlias = Callable[[Image.Image], None]

FAXES = {"tiff_ccitt", "group3", "group4", "tiff_raw_16"}
"""Compressions of TIFF whose decoder writes a line to stderr for each damaged row; there may be millions."""

SPARED = 4
"""A JPEG that is decoded at a fraction of its size takes a quarter of the time, and the room of that fraction."""

DEEP = {"F": 8, "I": 8, "I;16": 2, "I;16B": 2, "I;16L": 2, "I;16N": 2}
"""Times as much a pixel of these modes costs: its range is looked for, and it is brought to 8 bits."""

MOST_DEEPENED = 25_000_000
"""Pixels of a picture whose 16 bits are all looked at, where it uses the lower ones alone: it is decoded twice."""

_TILE_WIDTH, _TILE_LENGTH = 322, 323  # tags of a TIFF

# By class, not by Image.open: that would need HEIC to be registered for the whole process.
OPENERS: dict[str, Callable[[io.BytesIO], ImageFile]] = {
    "JPEG": JpegImageFile,  # of several (MPO), the first
    "PNG": PngImageFile,
    "WEBP": WebPImageFile,
    "BMP": BmpImageFile,
    "GIF": GifImageFile,
    "TIFF": TiffImageFile,
    "AVIF": AvifImageFile,
    "HEIC": HeifImageFile,
}


class PictureNotRead(ValueError):
    """A picture is of a kind that isn't read, and what to do about it."""


@dataclass(frozen=True)
class PictureFile:
    """A file of one of FORMATS, as Pillow has opened it; its pixels are still to be decoded."""

    kind: str
    data: bytes
    picture: ImageFile
    size: tuple[int, int]
    """Width and height in pixels, as the file says."""
    cost: int
    """The pixels that decoding it costs, by the time and the memory that it takes."""
    draft: Draft

    @classmethod
    def open(cls, data: bytes, draft: Draft | None = None) -> Self:
        """Open a file, without its metadata where they are damaged; `draft` may let it decode at less than its size.

        Raises PictureNotRead, or about any other type of error.
        """
        kind = looks_like_picture(data)
        if kind is None:
            raise PictureNotRead("no picture of a format that is read here")
        if kind == "JPEG":
            salvage.check_segments(data)
        try:
            picture = OPENERS[kind](io.BytesIO(data))
        except Exception:
            bare = salvage.without_metadata(data, kind)
            if bare == data:
                raise
            data, picture = bare, OPENERS[kind](io.BytesIO(bare))
        if picture.info.get("compression") in FAXES:
            raise PictureNotRead("a TIFF compressed as a fax, which is not read here; save it without, or as PNG")
        size, draft = picture.size, draft or _at_full_size
        draft(picture)
        return cls(kind, data, picture, size, _cost(kind, data, picture, size), draft)

    def load(self) -> tuple[Image.Image, float | None]:
        """Return the picture; of a file that is cut short the part that came, and which share of the rows that is.

        Raises about any type of error.
        """
        is_deep = tones.has_deep_colours(self.picture) and math.prod(self.size) <= MOST_DEEPENED
        try:
            self.picture.load()
        except Exception:
            # Pillow drops these once the pixels are there; of a TIFF that libtiff unpacks, even if they aren't.
            if self.picture.tile or self.picture.fp is None or self.kind == "TIFF":
                return salvage.salvaged(self.kind, self.data, self._reopened)
            self.picture.load()  # what came after the pixels is damaged
        if is_deep and tones.is_dark(self.picture):
            tones.deepen(self.picture, self._reopened(self.data))
        return self.picture, 1.0 if self.kind == "JPEG" and salvage.lacks_end(self.data) else None

    def _reopened(self, data: bytes) -> ImageFile:
        picture = OPENERS[self.kind](io.BytesIO(data))
        self.draft(picture)
        return picture


def _cost(kind: str, data: bytes, picture: ImageFile, size: tuple[int, int]) -> int:
    """Return the pixels that decoding costs.

    Of a JPEG by its draft; of a TIFF by its tiles, and of an AVIF by its coded pictures, which may be larger than it.
    """
    nominal = size[0] * size[1] * DEEP.get(picture.mode, 1)
    if kind == "AVIF":
        return max(nominal, av1.coded_pixels(data))
    if kind == "TIFF":
        tags = getattr(picture, "tag_v2", {})
        tile = [int(tags.get(tag, 1)) for tag in (_TILE_WIDTH, _TILE_LENGTH)]
        tiles = (math.ceil(side / length) * length for side, length in zip(size, tile, strict=True))
        return math.prod(tiles) * DEEP.get(picture.mode, 1)
    if kind != "JPEG" or salvage.keeps_coefficients(data):
        return nominal
    return max(picture.width * picture.height, nominal // SPARED)


def _at_full_size(picture: Image.Image) -> None:
    """Leave it as it is."""


def whole_picture(data: bytes) -> Image.Image:
    """Return the picture in a file at its full size. Raises about any type of error, for one that lacks rows too."""
    picture, share = PictureFile.open(data).load()
    if share is not None and share < 1:
        raise OSError(f"the file ends early: {share:.0%} of it came")
    return picture
