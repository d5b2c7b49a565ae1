"""A model of a bulk job is a model like any other."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from kshot import Client
from kshot.__main__ import command_line
from tests.app.bulk.conftest import Job
from tests.app.drawings import CLASSES, DRAWINGS, FOLDER, QUERY, label, predict
from tests.serving import Server


def bulk_adapt(server: Server, source: Path, *options: str) -> Result:
    arguments = ["bulk", "adapt", str(source), "--store", str(server.store), *options]
    return CliRunner().invoke(command_line(), arguments)


def test_a_server_on_the_same_store_predicts_with_it(server: Server, job: Job, tmp_path: Path) -> None:
    folder = tmp_path / "set"
    shutil.copytree(FOLDER, folder)
    (folder / CLASSES[0] / "cut.png").write_bytes(QUERY[0].read_bytes()[:60])
    (folder / CLASSES[1] / "note.txt").write_text("a note")
    done = bulk_adapt(server, folder, "--name", "many")
    assert done.exit_code == 0, done.output
    assert "Adapted omniglot to 5 classes with 25 images." in done.stdout
    assert "Left out 2, " in done.stderr
    model_id = done.stdout.split("Model ")[1].split()[0]
    with Client(server.url) as client:
        model = client.model(model_id)
    assert (model.name, model.classes, model.images_kept) == ("many", CLASSES, False)
    assert model.shots == dict.fromkeys(CLASSES, 5)
    assert {each.filename: each.reason for each in model.left_out} == {
        f"{CLASSES[1]}/note.txt": "it is text",
        f"{CLASSES[0]}/cut.png": next(each.reason for each in model.left_out if "cut" in each.filename),
    }
    assert model.validation is not None
    assert model.validation.method == "a fifth of each class, held out"
    assert 0.6 < model.validation.accuracy < 1
    answer = predict(server.url, model_id, QUERY).raise_for_status().json()["predictions"]
    right = sum(each["label"] == label(path) for each, path in zip(answer, QUERY, strict=True))
    assert right >= 0.9 * len(QUERY)
    job(DRAWINGS / "query", tmp_path / "said.jsonl", model=model_id)
    said = [json.loads(line) for line in (tmp_path / "said.jsonl").read_text().splitlines()]
    assert [row["label"] for row in said] == [each["label"] for each in answer]


def test_a_class_without_a_usable_picture_is_not_lost(server: Server, tmp_path: Path) -> None:
    for name in CLASSES[:2]:
        shutil.copytree(FOLDER / name, tmp_path / "set" / name)
    (tmp_path / "set" / "third").mkdir()
    (tmp_path / "set" / "third" / "1.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    done = bulk_adapt(server, tmp_path / "set")
    assert done.exit_code == 1
    assert "No picture of the class 'third' can be used" in done.stderr


def test_one_class_is_none(server: Server, tmp_path: Path) -> None:
    shutil.copytree(FOLDER / CLASSES[0], tmp_path / "set" / "one")
    done = bulk_adapt(server, tmp_path / "set")
    assert done.exit_code == 1
    assert "All images are labelled 'one'. Add images of at least one other class." in done.stderr


@pytest.fixture(autouse=True)
def _temporary_files_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
