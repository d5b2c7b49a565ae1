"""Images and support sets as parts of a multipart form."""

from __future__ import annotations

import io
import mimetypes
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TypeAlias

from kshot.errors import SupportFolderError

Image: TypeAlias = str | Path | bytes
"""One image: the path of a file, or the file's bytes."""

SupportSet: TypeAlias = str | Path | Iterable[tuple[str, Image]]
"""A folder with a folder per class, a zip, tar or tar.gz of such folders, or (label, image) pairs."""

MAX_FOLDER_BYTES = 256 << 20  # the largest archive that a server takes by default

Part: TypeAlias = tuple[str, tuple[str, bytes, str]]
"""A part of the form as httpx takes it: (field, (file name, content, media type))."""


def image_parts(images: Iterable[Image]) -> list[Part]:
    """Return one `images` part for each image, in order. Raises OSError if a file can't be read."""
    return [("images", _file(index, image)) for index, image in enumerate(images)]


def support_parts(support: SupportSet) -> tuple[Sequence[str], list[Part]]:
    """Return the `labels` and the file parts of a support set.

    A folder is sent as a zip, so that the server alone decides which of its files are images.
    Raises SupportFolderError if the folder is too large, and OSError if a file can't be read.
    """
    if isinstance(support, str | Path):
        path = Path(support)
        if path.is_dir():
            return [], [("archive", (f"{path.resolve().name}.zip", _zip_of(path), "application/zip"))]
        return [], [("archive", _file(0, path))]
    pairs = list(support)
    return [label for label, _ in pairs], image_parts(image for _, image in pairs)


def _file(index: int, image: Image) -> tuple[str, bytes, str]:
    if isinstance(image, bytes):
        return f"image-{index}", image, "application/octet-stream"
    path = Path(image)
    return path.name, path.read_bytes(), mimetypes.guess_type(path)[0] or "application/octet-stream"


def _zip_of(folder: Path) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", strict_timestamps=False) as archive:
        for path in _files(folder):
            archive.write(path, path.relative_to(folder).as_posix())
    return buffer.getvalue()


def _files(folder: Path) -> list[Path]:
    """List all files and empty folders at any depth before any is read: someone may give the wrong folder, as a home.

    An empty folder may be a class that its pictures never came to: the server says so.
    """
    files, size = [], 0
    for path in folder.rglob("*"):
        if path.is_file():
            files.append(path)
            size += path.stat().st_size
        elif path.is_dir() and not any(path.iterdir()):
            files.append(path)
        if size > MAX_FOLDER_BYTES:
            raise SupportFolderError(
                f"{folder} holds more than {MAX_FOLDER_BYTES >> 20} MiB. "
                "Give a folder that holds a folder of images for each class, and nothing else."
            )
    return sorted(files)
