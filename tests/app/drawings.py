"""Sample drawings as parts of a form."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

import httpx

DRAWINGS = Path(__file__).parent.parent / "data" / "drawings"
FOLDER = DRAWINGS / "support"
CLASSES = sorted(folder.name for folder in FOLDER.iterdir())
SUPPORT = sorted((DRAWINGS / "support").glob("*/*.png"))
QUERY = sorted((DRAWINGS / "query").glob("*/*.png"))

Files: TypeAlias = list[tuple[str, tuple[str, bytes]]]
Form: TypeAlias = dict[str, list[str]]


def label(path: Path) -> str:
    """A drawing's class."""
    return path.parent.name


def images(paths: list[Path]) -> Files:
    """The field `images`."""
    return [("images", (path.name, path.read_bytes())) for path in paths]


def labels(paths: list[Path]) -> Form:
    """The field `labels`."""
    return {"labels": [label(path) for path in paths]}


def adapt(
    url: str, paths: list[Path] = SUPPORT, headers: Mapping[str, str] | None = None, **fields: object
) -> httpx.Response:
    """POST /adapt with these drawings and their labels."""
    form = labels(paths) | {name: [str(value)] for name, value in fields.items()}
    return httpx.post(f"{url}/adapt", files=images(paths), data=form, headers=headers, timeout=60)


def predict(url: str, model_id: str, paths: list[Path] = QUERY, **fields: object) -> httpx.Response:
    """POST /predict with these drawings."""
    form = {"model_id": model_id, **{name: str(value) for name, value in fields.items()}}
    return httpx.post(f"{url}/predict", files=images(paths), data=form, timeout=60)


def scores(answer: httpx.Response) -> list[dict[str, float]]:
    """For each image of a /predict, the probability of each label."""
    predictions = answer.raise_for_status().json()["predictions"]
    return [{each["label"]: each["score"] for each in prediction["top"]} for prediction in predictions]


def zipped(contents: Mapping[str, bytes]) -> bytes:
    """A zip of files by name."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in contents.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def class_folders(prefix: str = "") -> dict[str, bytes]:
    """The sample drawings, each in the folder of its class."""
    return {f"{prefix}{label(path)}/{path.name}": path.read_bytes() for path in SUPPORT}


def adapt_zip(url: str, data: bytes) -> httpx.Response:
    """POST /adapt with this archive."""
    return httpx.post(f"{url}/adapt", files={"archive": ("upload.zip", data)}, timeout=60)
