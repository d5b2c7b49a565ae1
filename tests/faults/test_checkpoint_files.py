"""What becomes of a checkpoint's file doesn't touch the servers that have loaded it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from models.checkpoint import SHIPPED, load_checkpoint, save_checkpoint
from tests.app.drawings import QUERY, SUPPORT, adapt, predict
from tests.app.refusals import problem
from tests.serving import Server

NAMES = ("omniglot", "photo")


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """Checkpoints of one's own, to be spoiled."""
    folder = tmp_path / "checkpoints"
    folder.mkdir()
    return {name: Path(shutil.copy(SHIPPED / f"{name}.safetensors", folder)) for name in NAMES}


@pytest.fixture
def server(tmp_path: Path, files: dict[str, Path]) -> Iterator[Server]:
    server = Server(tmp_path, checkpoints=files["omniglot"].parent)
    server.start()
    yield server
    server.stop()


def losses(server: Server, name: str) -> Any:
    """What the first weights make of drawings, and the steps from there."""
    return adapt(server.url, checkpoint=name, steps=2).raise_for_status().json()["loss_curve"]


def answers(server: Server, ids: list[str]) -> list[Any]:
    """Of the checkpoints, and of models made from them."""
    predicted = [predict(server.url, model_id, QUERY[:2]).raise_for_status().json()["predictions"] for model_id in ids]
    return [losses(server, name) for name in NAMES] + predicted


def overwrite(path: Path) -> None:
    """In place, as `cp` does."""
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(size // 10)
        file.write(bytes(size - size // 10))


def cut_short(path: Path) -> None:
    os.truncate(path, 1000)


def other_weights(path: Path) -> None:
    """A checkpoint as good as the one that was there."""
    old = load_checkpoint(SHIPPED / path.name)
    parameters = {name: tensor * 0.9 for name, tensor in old.initialization.parameters.items()}
    save_checkpoint(path, old.metadata, replace(old.initialization, parameters=parameters), old.encoder)


def test_a_running_server_keeps_the_weights_that_it_loaded(server: Server, files: dict[str, Path]) -> None:
    ids = [adapt(server.url, SUPPORT[::5], checkpoint=name).json()["id"] for name in NAMES]
    before = answers(server, ids)
    for spoil in (overwrite, cut_short, Path.unlink):
        for path in files.values():
            spoil(path)
        assert answers(server, ids) == before

    other_weights(files["omniglot"])
    server.stop()
    server.start()
    for model_id in ids:
        document = problem(predict(server.url, model_id), 409, "checkpoint-mismatch", field="model_id")
        assert "adapt again" in document["detail"]
    assert set(ids) <= set(server.models())  # to be deleted
    assert losses(server, "omniglot") != before[0]
