"""Tables of labelled examples, as people export them: CSV, TSV, JSON lines, or a list of JSON objects."""

import io
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic_core import from_json

from models.errors import TableError
from models.tables.cells import decoded, read_cells

TEXTS = ("text", "sentence", "utterance", "query", "message")
LABELS = ("label", "class", "class_name", "category", "intent", "tag", "target")
"""Names of the columns, in any spelling: the first of them that is there."""


@dataclass(frozen=True)
class Row:
    """A row of a table: where it stands, the text and the label, "" where there is none."""

    place: str
    text: str
    label: str


def read_rows(data: bytes, *, labelled: bool, most: int | None = None) -> list[Row]:
    """Return the rows of a table, `most` + 1 of them if there are more.

    Raises TableError, whose text goes on after the table's name, for what is no table with such columns, and for the
    first row that doesn't fit it.
    """
    text = decoded(data)
    if not text.strip():
        raise TableError("is empty. Send a table with the columns text and label.")
    records = _records(text)
    rows: list[Row] = []
    for place, record in records:
        rows.append(_row(place, record, labelled=labelled))
        if most is not None and len(rows) > most:
            break
    if not rows:
        raise TableError("has no rows. Send one for each text.")
    return rows


def _records(text: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Return the place and the named values of each row."""
    start = text.lstrip()[0]
    if start == "[":
        return _listed(text)
    return _lines(text) if start == "{" else _table(text)


def _listed(text: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    try:
        items = from_json(text)
    except ValueError as error:
        raise TableError(f"is no JSON: {error}.") from error
    for number, item in enumerate(items, 1):
        yield f"item {number}", _object(f"item {number}", item)


def _lines(text: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for number, line in enumerate(io.StringIO(text), 1):
        if line.strip():
            place = f"line {number}"
            try:
                item = from_json(line)
            except ValueError as error:
                raise TableError(f"has no JSON in {place}: {error}.") from error
            yield place, _object(place, item)


def _object(place: str, item: Any) -> Mapping[str, Any]:
    if not isinstance(item, dict):
        raise TableError(f"has no JSON object in {place}.")
    return item


def _table(text: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the cells of each row by the header's names."""
    table = read_cells(text)
    _, header = next(table)
    for number, cells in table:
        if len(cells) != len(header):
            raise TableError(f"has {len(cells)} cells in row {number}, and {len(header)} in its header.")
        yield f"row {number}", dict(zip(header, cells, strict=True))


def _row(place: str, record: Mapping[str, Any], *, labelled: bool) -> Row:
    text = _cell(place, record, TEXTS)
    return Row(place, text, _cell(place, record, LABELS) if labelled else "")


def _cell(place: str, record: Mapping[str, Any], names: Collection[str]) -> str:
    """Return the value of the column of one of these names as text. Raises TableError."""
    plain = {re.sub(r"[\s-]+", "_", name.strip().lower()): name for name in record}
    column = next((plain[name] for name in names if name in plain), None)
    if column is None:
        there = ", ".join(f"{name!r:.40}" for name in list(record)[:10])
        raise TableError(f"has no column {next(iter(names))} in {place}; it has {there}. Name it so.")
    value = record[column]
    if isinstance(value, int | str) and not isinstance(value, bool):
        return str(value)
    if value is None:
        return ""
    raise TableError(f"has {value!r:.40} for {column!r:.40} in {place}, which is no text.")
