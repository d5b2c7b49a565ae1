"""Colour profiles (ICC.1) of a phone and of a print shop, made from nothing but numbers."""

from __future__ import annotations

import io
import struct
from functools import cache
from typing import Any

import numpy as np
from PIL import Image, ImageCms

from tests.pictures import turned

P3 = {  # the colorants of Display P3, adapted to D50
    b"rXYZ": (0.51512, 0.24120, -0.00105),
    b"gXYZ": (0.29198, 0.69225, 0.04189),
    b"bXYZ": (0.15710, 0.06657, 0.78407),
}
D50 = (0.9642, 1.0, 0.8249)
GRID = 9  # points of the table along each ink


def display_p3() -> bytes:
    """A profile with the primaries of Display P3 and the tone curve of sRGB."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    (tags,) = struct.unpack_from(">I", data, 128)
    for place in range(132, 132 + 12 * tags, 12):
        name, offset, _ = struct.unpack_from(">4sII", data, place)
        if name in P3:
            struct.pack_into(">3i", data, offset + 8, *_fixed(P3[name]))
    return bytes(data).replace("sRGB".encode("utf-16-be"), "wide".encode("utf-16-be"))


@cache
def print_shop() -> bytes:
    """A profile by which ink is what Pillow takes it for: a table of Lab by cyan, magenta, yellow and black."""
    inks = np.indices((GRID,) * 4).reshape(4, -1).T / (GRID - 1)
    colours = (255 * (1 - inks[:, :3]) * (1 - inks[:, 3:])).round().astype(np.uint8)
    srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    converted = ImageCms.profileToProfile(Image.fromarray(colours[None]), srgb, lab, outputMode="LAB")
    table = np.asarray(converted)[0] ^ np.array([0, 128, 128], np.uint8)  # Pillow's are signed
    straight = bytes(range(256))
    lut = b"mft1" + bytes(4) + bytes([4, 3, GRID, 0]) + struct.pack(">9i", *_fixed((1, 0, 0, 0, 1, 0, 0, 0, 1)))
    lut += 4 * straight + table.tobytes() + 3 * straight
    tags = struct.pack(">I4sII", 1, b"A2B0", 144, len(lut))
    header = struct.pack(">I4sI4s4s4s", 144 + len(lut), b"", 0x02400000, b"prtr", b"CMYK", b"Lab ").ljust(36, b"\0")
    header = (header + b"acsp").ljust(68, b"\0") + struct.pack(">3i", *_fixed(D50))
    return header.ljust(128, b"\0") + tags + lut


def in_p3(image: Image.Image) -> Image.Image:
    """The numbers that a phone would write for a picture."""
    wide = ImageCms.ImageCmsProfile(io.BytesIO(display_p3()))
    converted = ImageCms.profileToProfile(image, ImageCms.createProfile("sRGB"), wide, outputMode="RGB")
    assert converted
    converted.info.clear()
    return converted


def in_format(image: Image.Image, kind: str, orientation: int) -> bytes:
    """The file of a picture as HEIC, TIFF, "JPEG in P3" or the like, lying in it as the EXIF orientation says."""
    kind, _, colours = kind.partition(" in ")
    options: dict[str, Any] = {} if kind in ("TIFF", "PNG") else {"quality": 95}
    if colours == "P3":
        image, options["icc_profile"] = in_p3(image), display_p3()
    elif colours == "CMYK":
        image, options["icc_profile"] = image.convert("CMYK"), print_shop()
    return turned(image, kind, orientation, **options)


def _fixed(numbers: tuple[float, ...]) -> list[int]:
    return [round(number * 65536) for number in numbers]
