"""Images and support sets as parts of a multipart form."""

from __future__ import annotations

import io
import mimetypes
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TypeAlias

from app.client.errors import SupportFolderError

Image: TypeAlias = str | Path | bytes
"""One image: the path of a file, or the file's bytes."""

SupportSet: TypeAlias = str | Path | Iterable[tuple[str, Image]]
"""A folder with a folder per class, a zip of such folders, or (label, image) pairs."""

Part: TypeAlias = tuple[str, tuple[str, bytes, str]]
"""(field, (file name, content, media type)), as httpx takes it."""


def image_parts(images: Iterable[Image]) -> list[Part]:
    """One `images` part an image, in order; raises OSError where a file cannot be read."""
    return [("images", _file(index, image)) for index, image in enumerate(images)]


def support_parts(support: SupportSet) -> tuple[Sequence[str], list[Part]]:
    """The `labels` and the file parts of a support set.

    A folder travels as a zip: so the server alone decides which of its files are images and which are strays.

    Raises:
        SupportFolderError: the folder has no class folders with files in them.
        OSError: a file cannot be read.
    """
    if isinstance(support, str | Path):
        path = Path(support)
        content = _zip_of(path) if path.is_dir() else path.read_bytes()
        return [], [("archive", (path.resolve().with_suffix(".zip").name, content, "application/zip"))]
    pairs = list(support)
    return [label for label, _ in pairs], image_parts(image for _, image in pairs)


def _file(index: int, image: Image) -> tuple[str, bytes, str]:
    if isinstance(image, bytes):
        return f"image-{index}", image, "application/octet-stream"
    path = Path(image)
    return path.name, path.read_bytes(), mimetypes.guess_type(path)[0] or "application/octet-stream"


def _zip_of(folder: Path) -> bytes:
    files = sorted(path for path in folder.glob("*/*") if path.is_file())
    if not files:
        raise SupportFolderError(
            f"{folder} has no class folders: put the images of each class in a folder named as the class."
        )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", strict_timestamps=False) as archive:
        for path in files:
            archive.write(path, path.relative_to(folder).as_posix())
    return buffer.getvalue()
