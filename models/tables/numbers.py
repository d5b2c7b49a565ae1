"""Tables of numbers: a row an example, its numbers first, then what is to be learnt of it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from models.errors import TableError
from models.inputs.vector import counted
from models.tables.cells import decoded, read_cells


@dataclass(frozen=True)
class NumberRow:
    """A row of a table: where it stands, the cells of its numbers, and those after them, none where there are none."""

    place: str
    cells: Sequence[str]
    rest: Sequence[str]


def read_number_rows(data: bytes, size: int, rest: int, *, labelled: bool, most: int | None = None) -> list[NumberRow]:
    """Return the rows of a CSV or TSV of `size` numbers each and `rest` cells after them; `most` + 1 if there are more.

    A first row without a number is a header. Where it isn't to be `labelled`, the `rest` may be missing. Raises
    TableError, whose text goes on after the table's name, for what is no such table.
    """
    widths = {size + rest} if labelled else {size, size + rest}
    found = []
    for number, cells in islice(_rows(data), None if most is None else most + 1):
        if len(cells) not in widths:
            wanted = f"{counted(size)} of an example" + (f" and {rest} after them" if labelled else "")
            raise TableError(f"has {len(cells)} cells in row {number}; there have to be {wanted}.")
        found.append(NumberRow(f"row {number}", cells[:size], cells[size:]))
    if not found:
        raise TableError("has no rows of numbers. Send one for each example.")
    return found


def to_numbers(cells: Sequence[str]) -> list[float]:
    """Return the numbers of cells. Raise ValueError, which says of what they are, for one that is none."""
    return [_number(place, cell) for place, cell in enumerate(cells, 1)]


def are_numbers(cells: Sequence[str]) -> bool:
    """Say whether each cell is a number."""
    try:
        return bool(to_numbers(cells))
    except ValueError:
        return False


def _number(place: int, cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        raise ValueError(f"number {place} of it is {cell!r:.40}, which is none") from None


def _rows(data: bytes) -> Iterator[tuple[int, list[str]]]:
    """Yield the cells of each row but a header's."""
    for number, cells in read_cells(decoded(data)):
        if number > 1 or any(are_numbers([cell]) for cell in cells):
            yield number, [cell.strip() for cell in cells]
