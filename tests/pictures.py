"""Pictures as files of every format that is read."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray
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


def png(size: tuple[int, int], pixels: bytes, depth: int = 8, kind: int = 2) -> bytes:
    """A colour PNG of this width and height, from its rows as they are packed."""
    head = struct.pack(">IIBBBBB", *size, depth, kind, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", pixels), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in parts
    )


def deep_png(values: NDArray[np.uint16]) -> bytes:
    """A PNG of 16 bits a channel, from values [height, width, 3 or 4]."""
    height, width, channels = values.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    return png((width, height), zlib.compress(rows), depth=16, kind={3: 2, 4: 6}[channels])
