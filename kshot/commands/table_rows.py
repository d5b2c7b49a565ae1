"""`kshot predict table.csv --csv`: classify any number of texts or vectors, a request for every 200 rows."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, TypeVar

from kshot.commands.batches import OF_THE_REQUEST, write_rows
from kshot.commands.console import show_warnings
from kshot.errors import APIError, ClientError, UnsendableError

if TYPE_CHECKING:
    from kshot import Client, Prediction
    from kshot.predictions import Estimate

COLUMNS = ("row", "label", "score", "known", "error")
OF_ESTIMATES = ("row", "values", "error")
TOGETHER = 200  # rows of a request: below every server's limit
DELIMITERS = ",;\t"
T = TypeVar("T")


def write_table(client: Client, model_id: str, table: Path) -> int:
    """Write a line for each row of a table to stdout, numbered as a spreadsheet does (lines, where it has no header).

    Returns how many of the lines hold an error. Raises ClientError if the first request fails.
    """
    try:
        pieces = _pieces(table.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UnsendableError(f"{table} cannot be read as a table in UTF-8 ({error}).") from error
    columns = COLUMNS if client.model(model_id).classes else OF_ESTIMATES
    return write_rows(columns, _rows(client, model_id, table, pieces), sum(len(rows) for rows, _ in pieces))


def _pieces(text: str) -> list[tuple[list[int], str]]:
    """Return the numbers of the rows of each piece, and the piece, a table by itself; the server reads its columns."""
    if text.lstrip().startswith("{"):
        lines = [(number, line) for number, line in enumerate(io.StringIO(text), 1) if line.strip()]
        return [([number for number, _ in part], "".join(line for _, line in part)) for part in _parts(lines)]
    delimiter = max(DELIMITERS, key=text.partition("\n")[0].count)
    table = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    rows = [(number, cells) for number, cells in enumerate(table, 1) if any(cell.strip() for cell in cells)]
    headers = [rows.pop(0)[1]] if rows and not any(map(_is_number, rows[0][1])) else []
    return [
        ([number for number, _ in part], _written([*headers, *(cells for _, cells in part)])) for part in _parts(rows)
    ]


def _is_number(cell: str) -> bool:
    """Say whether a cell is a number, as no header's is."""
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _parts(rows: list[T]) -> Iterator[list[T]]:
    return (rows[start : start + TOGETHER] for start in range(0, len(rows), TOGETHER))


def _written(rows: list[list[str]]) -> str:
    file = io.StringIO()
    csv.writer(file).writerows(rows)
    return file.getvalue()


def _rows(
    client: Client, model_id: str, table: Path, pieces: list[tuple[list[int], str]]
) -> Iterator[tuple[int, Prediction | Estimate | str]]:
    with TemporaryDirectory() as folder:
        piece = Path(folder) / table.name
        for place, (numbers, text) in enumerate(pieces):
            piece.write_text(text, encoding="utf-8", newline="")
            try:
                answer = client.predict(model_id, [piece], top_k=1, on_error="skip")
            except ClientError as error:
                if place == 0 and not (isinstance(error, APIError) and error.problem.status in OF_THE_REQUEST):
                    raise
                yield from ((number, str(error)) for number in numbers)
                continue
            show_warnings(answer)
            told: dict[int | None, Prediction | Estimate | str] = {each.index: each.detail for each in answer.errors}
            told |= {each.index: each for each in answer.predictions}
            told |= {each.index: each for each in answer.estimates}
            yield from ((number, told[index]) for index, number in enumerate(numbers))
