"""CSV and TSV: a column of files and one of labels, or one of 0 and 1 for each class as Roboflow exports them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence

from app.inputs.archives.manifests.row import MOST_ROWS, Faulty, Row, columns, file_column, labels_of

DELIMITERS = ",;\t"


def rows(text: str) -> list[Row] | None:
    """Return the rows of a table, or None if it is no list of labels. Raises Faulty."""
    for delimiter in DELIMITERS:
        table = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        try:
            header = next(table, [])
            if found := columns(header):
                return list(_labelled(table, *map(header.index, found)))
            file = file_column(header)
            if file is not None and len(header) > 2:
                return _one_hot(table, header, header.index(file))
        except csv.Error as error:
            raise Faulty(f"cannot be read as a table: {error} (row {table.line_num}).") from error
    return None


def _labelled(table: Iterator[list[str]], file: int, label: int) -> Iterator[Row]:
    for place, cells in _cells(table):
        if len(cells) <= max(file, label):
            raise Faulty(f"{place} has {len(cells)} cells, too few for a file and a label.")
        yield Row(place, cells[file], labels_of(cells[label]))


def _one_hot(table: Iterator[list[str]], header: Sequence[str], file: int) -> list[Row] | None:
    """Return the rows of a table of 0 and 1, or None if there is anything else in it."""
    found = []
    for place, cells in _cells(table):
        marks = [cell.strip() for number, cell in enumerate(cells) if number != file]
        if len(cells) != len(header) or not {"0", "1"}.issuperset(marks):
            return None
        named = [name.strip() for name, cell in zip(header, cells, strict=True) if cell.strip() == "1"]
        found.append(Row(place, cells[file], tuple(named)))
    return found


def _cells(table: Iterator[list[str]]) -> Iterator[tuple[str, list[str]]]:
    """Yield the place and the cells of each row, numbered as a spreadsheet does."""
    for number, cells in enumerate(table, 2):
        if number > MOST_ROWS:
            raise Faulty(f"has more than {MOST_ROWS} rows.")
        if any(cell.strip() for cell in cells):
            yield f"row {number}", cells
