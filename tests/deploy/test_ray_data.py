"""Ray Data gives the rows that one process gives."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from kshot.__main__ import command_line
from tests.app.drawings import FOLDER, QUERY

ray = pytest.importorskip("ray", reason="needs the extra `ray`")

pytestmark = pytest.mark.deploy

CHECKPOINT = ("--checkpoint", "omniglot")


@pytest.fixture(scope="module", autouse=True)
def _ray_ends() -> Iterator[None]:
    yield
    ray.shutdown()


def run(*arguments: object) -> str:
    done = CliRunner().invoke(command_line(), ["bulk", *map(str, arguments)])
    assert done.exit_code == 0, done.output
    return done.stdout


def rows(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.filterwarnings("ignore")  # Ray's own
def test_two_actors_give_the_same_rows_in_the_same_order(tmp_path: Path) -> None:
    folder, store = tmp_path / "many", tmp_path / "store"
    folder.mkdir()
    for number in range(700):
        shutil.copy(QUERY[number % len(QUERY)], folder / f"{number:04}.png")
    (folder / "0300.png").write_bytes(b"no picture")
    model_id = run("adapt", FOLDER, "--store", store, *CHECKPOINT).split("Model ")[1].split()[0]
    for engine in ("process", "ray"):
        run("predict", model_id, folder, "--store", store, "--out", tmp_path / f"{engine}.jsonl", "--engine", engine)
    alone, by_ray = rows(tmp_path / "process.jsonl"), rows(tmp_path / "ray.jsonl")
    assert len(alone) == 700
    assert [row["error"] for row in by_ray if row["error"]] == [row["error"] for row in alone if row["error"]] != []
    for one, other in zip(alone, by_ray, strict=True):
        assert {**one, "score": None} == {**other, "score": None}
        assert one["score"] == pytest.approx(other["score"], abs=1e-5)
