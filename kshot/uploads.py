"""Images and support sets as parts of a multipart form."""

from __future__ import annotations

import io
import json
import mimetypes
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias, TypedDict

from kshot.errors import SupportFolderError

Image: TypeAlias = str | Path | bytes
"""One image: the path of a file, or the file's bytes."""

SupportSet: TypeAlias = str | Path | Iterable[tuple[str, Image]]
"""A folder with a folder per class, a zip, tar or tar.gz of such folders, (label, image) pairs, or a table of texts or
vectors."""

TABLES = {".csv", ".tsv", ".jsonl", ".ndjson"}

Pool: TypeAlias = str | Path | Iterable[Image]
"""A folder of images at any depth, a zip, tar or tar.gz of them, or images."""

MAX_FOLDER_BYTES = 256 << 20  # the largest archive that a server takes by default

Part: TypeAlias = tuple[str, tuple[str, bytes, str]]
"""A part of the form as httpx takes it: (field, (file name, content, media type))."""


def query_parts(images: Iterable[Image]) -> list[Part]:
    """Return one `images` part for each image, in order, or the `table` that they are.

    Raises OSError if a file can't be read.
    """
    images = list(images)
    if len(images) == 1 and not isinstance(images[0], bytes) and is_table(images[0]):
        return [("table", _file(0, images[0]))]
    return [("images", _file(index, image)) for index, image in enumerate(images)]


Numbers: TypeAlias = Iterable[float]
"""A vector: a list, or a row of a NumPy array."""


class ToldOptions(TypedDict, total=False):
    """What is told of examples that are no files: (label, text) pairs; vectors, with their labels or targets."""

    texts: Iterable[tuple[str, str]] | None
    inputs: Iterable[Numbers] | None
    labels: Iterable[str] | None
    targets: Iterable[Numbers] | None


def take_told(options: ToldOptions) -> dict[str, list[str]]:
    """Take these out of the options, and return them as fields of the form."""
    texts, labels = list(options.pop("texts", None) or ()), options.pop("labels", None)
    return {
        "texts": [text for _, text in texts],
        "labels": [*(label for label, _ in texts), *(() if labels is None else labels)],
        "inputs": written(options.pop("inputs", None)),
        "targets": written(options.pop("targets", None)),
    }


def written(vectors: Iterable[Numbers] | None) -> list[str]:
    """Return vectors as a form has them."""
    return [json.dumps([float(number) for number in vector]) for vector in (() if vectors is None else vectors)]


def support_parts(
    support: SupportSet, told: Mapping[str, list[str]] | None = None
) -> tuple[Mapping[str, Sequence[str]], list[Part]]:
    """Return the fields and the file parts of a support set, beside what `take_told` gives.

    A folder is sent as a zip, so that the server alone decides which of its files are images.
    Raises SupportFolderError if the folder is too large, and OSError if a file can't be read.
    """
    fields = {"labels": [], **(told or {})}
    if isinstance(support, str | Path):
        path = Path(support)
        if path.is_dir():
            return fields, [("archive", (f"{path.resolve().name}.zip", _zip_of(path), "application/zip"))]
        return fields, [("table" if is_table(path) else "archive", _file(0, path))]
    pairs = list(support)
    files: list[Part] = [("images", _file(index, image)) for index, (_, image) in enumerate(pairs)]
    return {**fields, "labels": [*(label for label, _ in pairs), *fields["labels"]]}, files


def is_table(path: str | Path) -> bool:
    """Say whether a file is a table of texts or vectors, by its name."""
    return Path(path).suffix.lower() in TABLES


def pool_parts(pool: Pool) -> list[Part]:
    """Return the file parts of images without labels. Raises as `support_parts`."""
    return support_parts(pool)[1] if isinstance(pool, str | Path) else query_parts(pool)


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
