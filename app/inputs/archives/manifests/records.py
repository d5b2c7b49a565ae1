"""JSON objects with a file and a label: one a line (metadata.jsonl), or in a list (Label Studio's JSON-MIN)."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Any

from pydantic_core import from_json

from app.inputs.archives.manifests.row import MOST_ROWS, Faulty, Row, columns, labels_of


def rows(text: str) -> list[Row] | None:
    """Return the rows of JSON lines, or None if they are no list of labels. Raises Faulty."""
    lines = ((f"line {number}", line) for number, line in enumerate(io.StringIO(text), 1) if line.strip())
    return listed((place, _object(place, line)) for place, line in lines)


def listed(items: Iterable[tuple[str, Any]]) -> list[Row] | None:
    """Return the rows of objects and their places, or None if the first has no file and label. Raises Faulty."""
    found: list[Row] = []
    for place, item in items:
        keys = columns(item) if isinstance(item, dict) else None
        if keys is None and not found:
            return None
        if keys is None:
            raise Faulty(f"{place} has no file and label, as those before have.")
        if len(found) >= MOST_ROWS:
            raise Faulty(f"has more than {MOST_ROWS} rows.")
        file, label = keys
        found.append(Row(place, str(item[file]), labels_of(item[label])))
    return found or None


def _object(place: str, line: str) -> Any:
    try:
        return from_json(line)
    except ValueError as error:
        raise Faulty(f"{place} is no JSON: {error}.") from error
