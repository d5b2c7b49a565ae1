"""Reptile on tables of one's own: a CSV a task, with a label or a number to estimate in the last column."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable
from itertools import combinations
from pathlib import Path

import pytest
import torch
from sklearn.datasets import load_diabetes, load_iris
from typer.testing import CliRunner

from kshot.__main__ import command_line
from meta_training.errors import DataError
from meta_training.tasks.tables import read_tasks
from models.checkpoint import load_checkpoint
from models.learner import Learner
from models.tasks import Support


def write(path: Path, header: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])


def of_flowers(folder: Path) -> None:
    iris = load_iris()
    for pair in combinations(range(3), 2):
        rows = [[*x, iris.target_names[y]] for x, y in zip(iris.data, iris.target, strict=True) if y in pair]
        write(folder / f"{pair[0]}-{pair[1]}.csv", [*iris.feature_names, "label"], rows)


def of_patients(folder: Path) -> None:
    patients = load_diabetes()
    rows = sorted([*x, y] for x, y in zip(patients.data, patients.target, strict=True))
    for place in range(4):
        part = "test" if place == 3 else "train"
        write(folder / part / f"age{place}.csv", [*patients.feature_names, "progression"], rows[place::4])


@pytest.mark.parametrize(
    ("tables", "targets", "size"), [(of_flowers, 0, 4), (of_patients, 1, 10)], ids=["labels", "numbers"]
)
def test_a_folder_of_tables_makes_a_checkpoint_and_its_card(
    tmp_path: Path, tables: Callable[[Path], None], targets: int, size: int
) -> None:
    tables(tmp_path / "tasks")
    arguments = ["--preset", "vectors", "--data", str(tmp_path / "tasks"), "--out", str(tmp_path / "run")]
    done = CliRunner().invoke(command_line(), ["train", *arguments, "--name", "mine", "--meta-steps", "5"])
    assert done.exit_code == 0, done.output
    assert "meta-trained by Reptile: " in done.output
    checkpoint = load_checkpoint(tmp_path / "run" / "mine.safetensors")
    card = json.loads((tmp_path / "run" / "mine.json").read_text())
    assert card["digest"] == checkpoint.digest
    assert len(card["data"]["test_tasks"]) == 1
    assert (checkpoint.metadata.head.targets, checkpoint.metadata.input.shape) == (targets, (size,))
    _, (task,) = read_tasks(tmp_path / "tasks", 0)
    learner = Learner(checkpoint, torch.device("cpu"))
    known, ways = slice(0, None, 3), task.ways or 1
    wanted = None if task.ways else task.targets[known]
    (made,) = learner.adapt(
        [Support(learner.encode(task.x[known]), task.labels[known], ways, 10, 1e-3, targets=wanted)]
    )
    assert made.losses[-1] < made.losses[0]


@pytest.mark.parametrize(
    ("tables", "said"),
    [
        ({}, "0 tasks to train on"),
        ({"a.csv": "x,y\n1,2\n", "b.csv": "x,y\n1,2\n", "c.csv": "x,z,y\n1,2,3\n"}, "of 2 kinds"),
        ({"a.csv": "x,y\n1,nan\n", "b.csv": "1,2\n", "c.csv": "1,2\n"}, r"a\.csv has numbers in row 2 .* is nan"),
        ({"a.csv": "x,y\n1\n"}, r"a\.csv has 1 cells in row 2"),
    ],
)
def test_tables_that_are_no_tasks_are_refused(tmp_path: Path, tables: dict[str, str], said: str) -> None:
    for name, text in tables.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(DataError, match=said):
        read_tasks(tmp_path, 0)
