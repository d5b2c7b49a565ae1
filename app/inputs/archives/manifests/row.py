"""What every list of labels comes to: rows of a file and its labels."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass

from pydantic_core import from_json

FILES = (
    "file", "filename", "file_name", "image", "image_path", "image_file", "image_name", "filepath", "file_path", "path",
    "img", "picture", "photo",
)  # fmt: skip
LABELS = ("label", "labels", "class", "class_name", "category", "choice", "annotation", "tag", "target")


MOST_ROWS = 100_000


class Faulty(Exception):
    """A list of labels that cannot be used; the text says where and why, and goes on after the list's name."""


@dataclass(frozen=True)
class Row:
    """A line of a list: where it stands, the file as it is named there, and its labels."""

    place: str
    file: str
    labels: tuple[str, ...]


def columns(header: Collection[str]) -> tuple[str, str] | None:
    """Return the columns, or keys, of the file and the label, or None. Raises Faulty for two columns of labels."""
    plain = {_plain(name): name for name in header}
    files = [plain[name] for name in FILES if name in plain]
    labels = [plain[name] for name in LABELS if name in plain]
    if not files or not labels:
        return None
    if len(labels) > 1:
        raise Faulty(f"has {' and '.join(labels)}, each of which could be the label. Leave one of them.")
    return files[0], labels[0]


def file_column(header: Collection[str]) -> str | None:
    """Return the column of the file, or None."""
    plain = {_plain(name): name for name in header}
    return next((plain[name] for name in FILES if name in plain), None)


def labels_of(value: object) -> tuple[str, ...]:
    """Return the labels that a cell or a JSON value holds: none, one, or several."""
    if isinstance(value, str) and value.lstrip().startswith(("{", "[")):
        with suppress(ValueError):  # then it is a label that begins so
            value = from_json(value)
    if isinstance(value, Mapping):
        value = value.get("choices", [])
    if isinstance(value, list):
        return tuple(dict.fromkeys(label for each in value for label in labels_of(each)))
    text = "" if value is None else str(value).strip()
    return (text,) if text else ()


def _plain(name: str) -> str:
    return re.sub(r"[\s-]+", "_", name.strip().lower())
