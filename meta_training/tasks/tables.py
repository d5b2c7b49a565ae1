"""Tasks as a folder of tables: a CSV a task, an example's numbers first, its target or label last."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from meta_training.data.episodes import generator
from meta_training.errors import DataError
from models.errors import TableError
from models.inputs.vector import finite
from models.tables.cells import decoded, read_cells
from models.tables.numbers import NumberRow, are_numbers, read_number_rows, to_numbers

SUFFIXES = {".csv", ".tsv"}
LABELS = {"label", "class", "category"}
"""Names of a last column that say that its numbers are labels."""
HELD_OUT = 5  # of so many tasks one is for the test, where the folder doesn't say which are
LEAST = 2  # tasks to train on


@dataclass(frozen=True)
class VectorTask:
    """One task: examples x [P, F] with targets [P, D], or with labels [P] in 0..ways − 1 where ways isn't 0."""

    name: str
    x: Tensor
    targets: Tensor
    labels: Tensor
    ways: int = 0

    @classmethod
    def of_targets(cls, name: str, x: Tensor, targets: Tensor) -> "VectorTask":
        """Return a task of numbers to estimate."""
        return cls(name, x, targets, torch.zeros(len(x), dtype=torch.long))


def read_tasks(folder: Path, seed: int) -> tuple[list[VectorTask], list[VectorTask]]:
    """Return the tasks to train on and those to test on: in `train` and `test`, or a fifth that the seed draws.

    Raises DataError for a table that cannot be read, or tables that are no tasks of one kind.
    """
    if (folder / "train").is_dir() and (folder / "test").is_dir():
        training, test = _read(folder / "train"), _read(folder / "test")
    else:
        tasks = _read(folder)
        order = generator(seed).permutation(len(tasks)).tolist()
        count = max(1, len(tasks) // HELD_OUT)
        training, test = [tasks[place] for place in order[count:]], [tasks[place] for place in order[:count]]
    kinds = {(task.x.shape[1], bool(task.ways)) for task in (*training, *test)}
    if len(training) < LEAST or not test or len(kinds) > 1:
        found = f"{len(training)} tasks to train on and {len(test)} to test on"
        raise DataError(
            f"{folder} has {found}, of {len(kinds)} kinds. Give a CSV for each of {LEAST + 1} tasks at least, all of "
            "as many columns, and all with numbers or all with labels in the last."
        )
    return training, test


def _read(folder: Path) -> list[VectorTask]:
    paths = sorted(path for path in folder.glob("*") if path.suffix.lower() in SUFFIXES)
    return [_task(path) for path in paths]


def _task(path: Path) -> VectorTask:
    data = path.read_bytes()
    try:
        header = next((cells for _, cells in read_cells(decoded(data))), [""])
        rows = read_number_rows(data, max(1, len(header) - 1), 1, labelled=True)
        x = torch.stack([_numbers(row, row.cells) for row in rows])
        last = [row.rest[0] for row in rows]
        if header[-1].strip().lower() in LABELS or not are_numbers(last):
            return _classes(path.stem, x, last)
        return VectorTask.of_targets(path.stem, x, torch.stack([_numbers(row, row.rest) for row in rows]))
    except TableError as error:
        raise DataError(f"{path} {error}") from error


def _numbers(row: NumberRow, cells: Sequence[str]) -> Tensor:
    try:
        return finite(to_numbers(cells))
    except ValueError as error:
        raise TableError(f"has numbers in {row.place} that cannot be used: {error}.") from error


def _classes(name: str, x: Tensor, labels: Sequence[str]) -> VectorTask:
    order = {label: number for number, label in enumerate(dict.fromkeys(labels))}
    numbers = torch.tensor([order[label] for label in labels])
    return VectorTask(name, x, torch.zeros(len(x), 0), numbers, len(order))
