"""Large sets of pictures, made of the smaller ones that there are."""

import io
import tarfile
import zipfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from PIL import Image

from meta_training.data.omniglot import character_files

PHOTOGRAPHS = (
    "asl_fingerspelling",
    "chars74k_street",
    "cub_birds_subset",
    "food10",
    "food101_lowres",
    "fruit_photos",
    "musical_instruments",
    "oxford_flowers",
    "satellite_resisc12",
)
"""The domains of domains-validation.tar that are photographs."""
TARS = ("domains-train.tar", "domains-validation.tar")


def write_drawings(data: Path, path: Path, count: int) -> Path:
    """Write a zip of so many of Omniglot's drawings, turned by 0, 90, 180 and 270 degrees, and from the first again."""
    with zipfile.ZipFile(path, "w") as archive:
        for number, content in enumerate(islice(_turned(data), count)):
            archive.writestr(f"{number // 1000:03}/{number:06}.png", content)
    return path


def _turned(data: Path) -> Iterator[bytes]:
    while True:
        for turn in range(4):
            for _, _, content in character_files(data):
                yield _png(content, turn)


def _png(content: bytes, turn: int) -> bytes:
    if not turn:
        return content
    buffer = io.BytesIO()
    Image.open(io.BytesIO(content)).rotate(90 * turn).save(buffer, "PNG")
    return buffer.getvalue()


def write_photos(data: Path, path: Path, count: int) -> Path:
    """Write a zip of so many photographs of the domains, from the first again where there are fewer."""
    with zipfile.ZipFile(path, "w") as archive:
        for number, content in enumerate(islice(_photographs(data), count)):
            archive.writestr(f"{number:06}.jpg", content)
    return path


def _photographs(data: Path) -> Iterator[bytes]:
    while True:
        for name, content in domain_files(data, TARS[1:]):
            if name.split("/")[1] in PHOTOGRAPHS:
                yield content


def domain_files(data: Path, tars: tuple[str, ...] = TARS) -> Iterator[tuple[str, bytes]]:
    """Yield the files of the domains: part/domain/class/file, and what is in it."""
    for each in tars:
        with tarfile.open(data / each) as tar:
            for info in tar:
                if file := tar.extractfile(info) if info.isfile() else None:
                    yield info.name, file.read()
