"""Pictures as files of every format that is read."""

from __future__ import annotations

import io
from typing import Any

from PIL import Image
from pillow_heif import from_pillow

ORIENTATION = 0x0112
TURNED = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
"""What a camera held so writes, by the EXIF orientation that it notes."""


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    """The file of a picture; HEIC as pillow-heif makes it, which isn't registered with Pillow."""
    buffer = io.BytesIO()
    if kind == "HEIC":
        file = from_pillow(image)
        for frame in options.pop("append_images", ()):
            file.add_from_pillow(frame)
        file.save(buffer, **options)
    else:
        image.save(buffer, kind, **options)
    return buffer.getvalue()


def turned(image: Image.Image, kind: str, orientation: int, **options: Any) -> bytes:
    """The file of a picture that lies in it as this EXIF orientation says."""
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    method = TURNED[orientation]
    lying = image if method is None else image.transpose(method)
    return encoded(lying, kind, exif=exif.tobytes(), **options)
