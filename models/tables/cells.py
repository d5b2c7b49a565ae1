"""CSV and TSV as people export them: rows of cells."""

import csv
import io
from collections.abc import Iterator

from models.errors import TableError

DELIMITERS = ",;\t"


def decoded(data: bytes) -> str:
    """Return the text of a table. Raises TableError unless it is in UTF-8."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise TableError("is not in UTF-8. Save it in UTF-8; spreadsheets call it CSV UTF-8.") from error


def read_cells(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the cells of each row that isn't empty, numbered from 1 as a spreadsheet does.

    The delimiter is the one that the first line has most of. Raises TableError for quotes that don't close.
    """
    delimiter = max(DELIMITERS, key=text.lstrip().partition("\n")[0].count)
    table = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        for number, cells in enumerate(table, 1):
            if any(cell.strip() for cell in cells):
                yield number, cells
    except csv.Error as error:
        raise TableError(f"cannot be read as a table: {error} (row {table.line_num}).") from error
