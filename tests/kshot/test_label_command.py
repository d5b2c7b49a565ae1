"""`kshot label` asks for the pictures that teach most, adapts, and sorts a folder."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from kshot.__main__ import command_line
from tests.app.drawings import DRAWINGS
from tests.serving import Server

FILES = sorted([*DRAWINGS.glob("support/*/*.png"), *DRAWINGS.glob("query/*/*.png")])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """All drawings under names that don't tell their class, and a file that is none."""
    (tmp_path / "pool").mkdir()
    for number, path in enumerate(FILES):
        shutil.copy(path, tmp_path / "pool" / f"{number:03}.png")
    (tmp_path / "pool" / "notes.txt").write_text("hello")
    return tmp_path / "pool"


def right(file: str) -> str:
    return FILES[int(Path(file).stem)].parent.name


def label(server: Server, folder: Path, *options: object, typed: str | None = None) -> Result:
    arguments = ["label", str(folder), *map(str, options), "--url", server.url]
    return CliRunner().invoke(command_line(), arguments, input=typed)


def test_answers_from_a_file_label_what_is_asked_and_the_rest_is_sorted(server: Server, folder: Path) -> None:
    answers, out = folder.parent / "answers.csv", folder.parent / "out"
    rows = [f"{number:03}.png,{right(f'{number}')}" for number in range(len(FILES))]
    answers.write_text("\n".join(["file,label", *rows]))
    files = {name: folder.parent / f"{name}.json" for name in ("coco", "label-studio")}
    options: list[object] = [part for name, path in files.items() for part in (f"--{name}", path)]
    options += ["--labels", answers, "--enough", 0.8, "--out", out, "--csv", out.parent / "s.csv"]
    done = label(server, folder, *options)
    assert done.exit_code == 0, done.output
    rows_written = list(csv.DictReader((out.parent / "s.csv").read_text().splitlines()))
    by_person = [row for row in rows_written if row["by"] == "person"]
    by_model = [row for row in rows_written if row["by"] == "model"]
    assert 6 <= len(by_person) < len(FILES)
    assert all(row["label"] == right(row["file"]) for row in by_person)
    assert sum(row["label"] == right(row["file"]) for row in by_model) >= 0.7 * len(by_model)
    assert [Path(row["file"]).name for row in rows_written if not row["by"]] == ["notes.txt"]
    copied = {path.name: path.parent.name for path in out.rglob("*.png")}
    assert copied == {Path(row["file"]).name: row["label"] for row in rows_written if row["by"]}
    coco = json.loads(files["coco"].read_text())
    assert len(coco["images"]) == len(FILES) + 1
    assert {each["name"] for each in coco["categories"]} == {row["label"] for row in by_person}
    tasks = json.loads(files["label-studio"].read_text())
    assert sum("annotations" in task for task in tasks) == len(by_person)
    assert sum("predictions" in task for task in tasks) == len(by_model)


def test_a_person_types_names_numbers_and_enter_and_stops(server: Server, folder: Path) -> None:
    typed = ["s", "alpha", "beta", "1", "2", "alpha", "beta", *[""] * 8, "q"]
    done = label(server, folder, "--csv", folder.parent / "s.csv", "--enough", 1, typed="\n".join(typed) + "\n")
    assert done.exit_code == 0, done.output
    rows = list(csv.DictReader((folder.parent / "s.csv").read_text().splitlines()))
    mine = [row["label"] for row in rows if row["by"] == "person"]
    assert len(mine) == 14
    assert set(mine) == {"alpha", "beta"}
    assert "14 labelled by you" in done.output


def test_without_two_classes_there_is_no_model(server: Server, folder: Path) -> None:
    done = label(server, folder, typed="alpha\nq\n")
    assert done.exit_code == 1
    assert "two classes" in done.output
    answers = folder.parent / "answers.csv"
    answers.write_text("name,class\n")
    assert label(server, folder, "--labels", answers).exit_code == 2
