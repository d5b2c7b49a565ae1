"""Bulk jobs say what the service says, and go on where they were killed."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pyarrow.parquet
import pytest
from typer.testing import CliRunner

from app.bulk.errors import ModelUnusable, OutputUnusable, SourceUnreadable
from app.bulk.predict import BLOCK
from kshot.__main__ import command_line
from tests.app.bulk.conftest import Job, Quiet
from tests.app.drawings import DRAWINGS, QUERY, predict
from tests.serving import Server

QUERIES = DRAWINGS / "query"


class Killed(BaseException):
    """Ends a job as a signal would, in the middle of its work."""


class KilledAfter(Quiet):
    """Lets so many blocks pass."""

    def __init__(self, blocks: int) -> None:
        self.blocks, self.done = blocks, 0

    def begin(self, files: int, done: int) -> None:
        self.done = done

    def advance(self, files: int) -> None:
        self.blocks -= 1
        if not self.blocks:
            raise Killed


@pytest.fixture(scope="session")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three blocks of drawings and a part of one, with a file in each that is none."""
    folder = tmp_path_factory.mktemp("many")
    for number in range(3 * BLOCK + 20):
        shutil.copy(QUERY[number % len(QUERY)], folder / f"{number:04}.png")
    for number in range(5, 3 * BLOCK, BLOCK):
        (folder / f"{number:04}.png").write_bytes(b"no picture at all")
    return folder


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_answers_are_the_services(server: Server, model_id: str, job: Job, tmp_path: Path) -> None:
    job(QUERIES, tmp_path / "said.jsonl", scores=True)
    answer = predict(server.url, model_id, QUERY, top_k=5).raise_for_status().json()["predictions"]
    said = rows(tmp_path / "said.jsonl")
    assert [row["path"] for row in said] == [path.relative_to(QUERIES).as_posix() for path in QUERY]
    assert [(row["label"], row["known"]) for row in said] == [(each["label"], each["known"]) for each in answer]
    for row, each in zip(said, answer, strict=True):
        assert row["scores"] == pytest.approx({one["label"]: one["score"] for one in each["top"]}, abs=1e-5)


def test_the_three_formats_say_the_same(job: Job, tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("not a picture")
    shutil.copytree(QUERIES, tmp_path / "pictures")
    source = tmp_path / "pictures"
    shutil.move(tmp_path / "text.png", source)
    for kind in ("jsonl", "csv", "parquet"):
        job(source, tmp_path / f"said.{kind}", scores=True)
    said = rows(tmp_path / "said.jsonl")
    classes = list(said[0]["scores"])
    with (tmp_path / "said.csv").open(newline="") as file:
        cells = list(csv.DictReader(file))
    table = pyarrow.parquet.read_table(tmp_path / "said.parquet").to_pylist()
    for row, cell, column in zip(said, cells, table, strict=True):
        assert (row["path"], row["label"], row["error"]) == (column["path"], column["label"], column["error"])
        assert (row["path"], row["label"] or "", row["error"] or "") == (cell["path"], cell["label"], cell["error"])
        assert row["known"] == column["known"]
        for label in classes:
            score = row["scores"] and row["scores"][label]
            assert column[f"score of {label}"] == pytest.approx(score, abs=1e-6)
            assert cell[f"score of {label}"] == ("" if score is None else f"{score:.6f}")


def test_bad_files_are_listed_in_the_services_words(server: Server, model_id: str, job: Job, tmp_path: Path) -> None:
    folder = tmp_path / "mixed"
    folder.mkdir()
    good = QUERY[0].read_bytes()
    bad = {"cut.png": good[:60], "empty.png": b"", "text.txt": b"words", "film.webm": b"\x1aE\xdf\xa3" + bytes(99)}
    for name, data in {"good.png": good, **bad}.items():
        (folder / name).write_bytes(data)
    (folder / "gone.png").symlink_to(folder / "nowhere.png")
    (folder / ".hidden.png").write_bytes(good)
    done = job(folder, tmp_path / "said.jsonl")
    said = {row["path"]: row["error"] for row in rows(tmp_path / "said.jsonl")}
    assert said.keys() == bad.keys() | {"good.png", "gone.png"}
    assert said.pop("good.png") is None
    assert said.pop("gone.png") == "gone.png cannot be read: No such file or directory."
    files = [("images", each) for each in [("good.png", good), *bad.items()]]
    form = {"model_id": model_id, "on_error": "skip"}
    answer = httpx.post(f"{server.url}/predict", files=files, data=form).raise_for_status().json()
    words = {each["filename"]: each["detail"] for each in answer["errors"]}
    assert {f"images[{index}] ({name}){said[name].removeprefix(name)}" for index, name in enumerate(bad, 1)} == set(
        words.values()
    )
    assert (done.files, done.faulty) == (6, 5)


def test_a_killed_job_goes_on_to_the_same_file(many: Path, job: Job, tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole.parquet", tmp_path / "killed.parquet"
    job(many, whole)
    with pytest.raises(Killed):
        job(many, killed, progress=KilledAfter(1))
    journal = tmp_path / ".killed.parquet.journal"
    with journal.open("ab") as file:  # half of a block, whose last row is torn
        file.write(journal.read_bytes().splitlines(keepends=True)[1] * 3 + b'{"path":"00')
    again = KilledAfter(1)
    with pytest.raises(Killed):
        job(many, killed, progress=again)
    assert again.done == BLOCK
    last = KilledAfter(-1)
    done = job(many, killed, progress=last)
    assert last.done == 2 * BLOCK
    assert killed.read_bytes() == whole.read_bytes()
    assert (done.files, done.faulty) == (3 * BLOCK + 20, 3)
    assert not journal.exists()


def test_another_job_does_not_go_on_from_there(many: Path, job: Job, tmp_path: Path) -> None:
    out = tmp_path / "said.csv"
    with pytest.raises(Killed):
        job(many, out, progress=KilledAfter(1))
    with pytest.raises(OutputUnusable, match="its source, files, listing differed"):
        job(QUERIES, out)
    job(QUERIES, out, overwrite=True)
    with pytest.raises(OutputUnusable, match="is there already"):
        job(QUERIES, out)
    assert len(out.read_text().splitlines()) == 1 + len(QUERY)


def test_an_exported_model_needs_no_store(server: Server, model_id: str, job: Job, tmp_path: Path) -> None:
    exported = httpx.get(f"{server.url}/models/{model_id}/export", params={"format": "onnx"}).raise_for_status()
    (tmp_path / "model.onnx").write_bytes(exported.content)
    stored = next(server.store.glob(f"*{model_id}*.safetensors"))
    for name, model in {"onnx": tmp_path / "model.onnx", "file": stored, "id": model_id}.items():
        job(QUERIES, tmp_path / f"{name}.jsonl", model=str(model))
    said = {name: rows(tmp_path / f"{name}.jsonl") for name in ("onnx", "file", "id")}
    assert said["file"] == said["id"]
    for ours, theirs in zip(said["onnx"], said["id"], strict=True):
        assert (ours["label"], ours["known"]) == (theirs["label"], theirs["known"])
        assert ours["score"] == pytest.approx(theirs["score"], abs=1e-4)


def test_what_cannot_be_used_is_said(job: Job, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    damaged = tmp_path / "model.safetensors"
    damaged.write_bytes(b"nothing")
    for source, out, model, error, words in cases(tmp_path, damaged):
        with pytest.raises(error, match=words):
            job(source, out, **({"model": model} if model else {}))


def cases(folder: Path, damaged: Path) -> Iterator[tuple[Path, Path, str, type[Exception], str]]:
    out = folder / "said.csv"
    yield folder / "nowhere", out, "", SourceUnreadable, "There is nothing at .*nowhere. Give a folder"
    yield folder / "empty", out, "", SourceUnreadable, "holds no files"
    yield damaged, out, "", SourceUnreadable, "neither a zip nor a tar"
    yield QUERIES, folder / "said.xls", "", OutputUnusable, "ends in .parquet, .csv, .jsonl"
    yield QUERIES, folder / "nowhere" / "said.csv", "", OutputUnusable, "There is no folder .*nowhere"
    yield QUERIES, out, "0123", ModelUnusable, "neither the id of a model"
    yield QUERIES, out, str(damaged), ModelUnusable, "no model as a store keeps it"


def test_the_command_says_what_was_left_out(server: Server, model_id: str, tmp_path: Path) -> None:
    shutil.copytree(QUERIES, tmp_path / "in")
    (tmp_path / "in" / "note.txt").write_text("a note")
    arguments = ["bulk", "predict", model_id, str(tmp_path / "in"), "--store", str(server.store), "--out"]
    done = CliRunner().invoke(command_line(), [*arguments, str(tmp_path / "said.csv")])
    assert done.exit_code == 0, done.output
    assert "note.txt is no picture of a format that is read here." in done.stderr
    assert f"Classified {len(QUERY)} of {len(QUERY) + 1} files" in done.stdout
    refused = CliRunner().invoke(command_line(), [*arguments, str(tmp_path / "said.csv")])
    assert refused.exit_code == 1
    assert "is there already. Give another --out, or --overwrite." in refused.stderr
