"""Valid uploads, and ways to spoil them, each drawn from a seed."""

from __future__ import annotations

import io
import random
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms

from tests.app.drawings import SUPPORT, class_folders, label
from tests.app.inputs.archives.packed import tar_of, zip_of
from tests.pictures import deep_png, encoded

PHOTO = next((Path(__file__).parent.parent / "data" / "photos").rglob("*.jpg"))
BOUNDARY = b"x"
INTERESTING = (b"\x00", b"\xff", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\x80\x00\x00\x00", b"\r\n", b"--x", b"PK")


def pictures() -> list[bytes]:
    """In each format and most modes that are taken."""
    photo = Image.open(PHOTO).resize((96, 64))
    kinds: list[tuple[str, str, dict[str, object]]] = [
        ("RGB", "JPEG", {}),
        ("RGB", "JPEG", {"progressive": True}),
        ("CMYK", "JPEG", {}),
        ("L", "PNG", {}),
        ("P", "PNG", {}),
        ("RGBA", "PNG", {}),
        ("I;16", "PNG", {}),
        ("1", "PNG", {}),
        ("RGB", "WEBP", {}),
        ("RGBA", "WEBP", {"lossless": True}),
        ("P", "BMP", {}),
        ("RGB", "BMP", {}),
        ("P", "GIF", {}),
        ("RGB", "TIFF", {}),
        ("RGB", "TIFF", {"compression": "tiff_lzw"}),
        ("RGB", "TIFF", {"compression": "jpeg"}),
        ("LAB", "TIFF", {"compression": "tiff_adobe_deflate"}),
        ("1", "TIFF", {"compression": "packbits"}),
        ("I;16", "TIFF", {}),
        ("F", "TIFF", {}),
        ("RGB", "AVIF", {"speed": 10}),
        ("RGBA", "AVIF", {"speed": 10}),
        ("RGB", "HEIC", {}),
        ("RGBA", "HEIC", {"quality": -1}),
    ]
    found = [path.read_bytes() for path in SUPPORT[::12]]
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    srgb = srgb.replace("sRGB".encode("utf-16-be"), "test".encode("utf-16-be"))  # or it would be left alone
    exif = b"Exif\0\0II*\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0\6\0\0\0\0\0\0\0"  # turned by a quarter
    for mode, kind, options in kinds:
        found.append(encoded(_in(mode, photo), kind, icc_profile=srgb, exif=exif, **options))
    buffer = io.BytesIO()
    photo.convert("P").save(buffer, "GIF", save_all=True, append_images=[photo.convert("P").rotate(90)])
    return [*found, buffer.getvalue(), deep_png(np.asarray(photo).astype(np.uint16) * 4)]


def _in(mode: str, photo: Image.Image) -> Image.Image:
    if mode == "I;16":
        return photo.convert("I").convert(mode)
    if mode == "LAB":
        return Image.merge(mode, photo.split())  # some colours or others
    return photo.convert(mode)


def archives() -> list[bytes]:
    """Class folders in zips and tars, packed or not, with names in a code page and with a list of labels."""
    drawings = [(label(path), path) for path in SUPPORT[::5]]
    japanese = {f"{name}ソ表/{path.name}".encode("cp932"): path.read_bytes() for name, path in drawings}
    files = {f"images/{number}.png": path.read_bytes() for number, (_, path) in enumerate(drawings)}
    labels = "".join(f"{number}.png,{name}\n" for number, (name, _) in enumerate(drawings))
    listed = {**files, "labels.csv": f"file,label\n{labels}".encode()}
    found = [zip_of(japanese), tar_of(class_folders()), tar_of(listed, "w:gz")]
    for compression in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", compression) as archive:
            for path in SUPPORT[::5]:
                archive.writestr(f"{label(path)}/{path.name}", path.read_bytes())
        found.append(buffer.getvalue())
    return found


def forms() -> list[bytes]:
    """Multipart bodies with BOUNDARY: images with labels, and an archive."""
    labelled = b""
    for path in SUPPORT[::5]:
        labelled += _part('name="labels"', label(path).encode())
        labelled += _part(f'name="images"; filename="{path.name}"', path.read_bytes())
    archive = _part('name="archive"; filename="a.zip"', archives()[1])
    choices = _part('name="steps"', b"0") + _part('name="name"', "ā\u0301".encode())
    return [part + choices + b"--" + BOUNDARY + b"--\r\n" for part in (labelled, archive)]


def _part(disposition: str, data: bytes) -> bytes:
    header = b"Content-Disposition: form-data; " + disposition.encode()
    return b"\r\n".join((b"--" + BOUNDARY, header, b"", data, b""))


def mutated(draw: random.Random, data: bytes, others: list[bytes]) -> bytes:
    """Up to eight changes, one after the other."""
    changed = bytearray(data)
    for _ in range(draw.choice((1, 1, 1, 2, 4, 8))):
        draw.choice(MUTATIONS)(draw, changed, others)
    return bytes(changed)


def _flip(draw: random.Random, data: bytearray, _: list[bytes]) -> None:
    for _bit in range(draw.randint(1, 16)):
        if data:
            data[_place(draw, data)] ^= 1 << draw.randrange(8)


def _cut(draw: random.Random, data: bytearray, _: list[bytes]) -> None:
    del data[_place(draw, data) :]


def _drop(draw: random.Random, data: bytearray, _: list[bytes]) -> None:
    start = _place(draw, data)
    del data[start : start + draw.randint(1, 64)]


def _repeat(draw: random.Random, data: bytearray, _: list[bytes]) -> None:
    start = _place(draw, data)
    data[start:start] = data[start : start + draw.randint(1, 256)] * draw.randint(1, 20)


def _overwrite(draw: random.Random, data: bytearray, _: list[bytes]) -> None:
    start, value = _place(draw, data), draw.choice(INTERESTING)
    data[start : start + len(value)] = value


def _splice(draw: random.Random, data: bytearray, others: list[bytes]) -> None:
    other = draw.choice(others)
    start, source = _place(draw, data), draw.randrange(len(other))
    data[start:] = other[source:]


def _place(draw: random.Random, data: bytearray) -> int:
    """Half of the time in the first bytes, where headers are."""
    return draw.randrange(max(1, min(len(data), 64) if draw.random() < 0.5 else len(data)))


MUTATIONS: tuple[Callable[[random.Random, bytearray, list[bytes]], None], ...] = (
    _flip,
    _cut,
    _drop,
    _repeat,
    _overwrite,
    _splice,
)
