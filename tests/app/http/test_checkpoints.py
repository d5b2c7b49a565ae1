"""A server with two checkpoints: the shipped one, and an untrained one for 3 classes of colour images exactly."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from app.settings import SHIPPED_CHECKPOINTS
from models.checkpoint import save_checkpoint
from models.heads.dense import DenseHead
from models.inputs.image import ImageInput
from models.metadata import CheckpointMetadata, InnerSpec
from models.networks.conv4.network import Conv4
from tests.app.drawings import SUPPORT, adapt, predict
from tests.serving import Server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    directory = tmp_path_factory.mktemp("checkpoints")
    shutil.copy(SHIPPED_CHECKPOINTS / "omniglot.safetensors", directory)
    metadata = CheckpointMetadata(
        name="three",
        created_at="2026-01-01T00:00:00Z",
        network=Conv4(channels=3, size=28, filters=8),
        input=ImageInput(channels=3, size=28),
        head=DenseHead(ways=3),
        inner=InnerSpec(steps=1, learning_rate=1e-3),
    )
    save_checkpoint(directory / "three.safetensors", metadata, metadata.build().initialize(seed=0))
    server = Server(directory, checkpoints=directory)
    server.start()
    yield server
    server.stop()


def test_a_request_chooses_its_checkpoint(server: Server) -> None:
    first, second = httpx.get(f"{server.url}/checkpoints").json()["checkpoints"]
    assert (first["name"], first["default"], first["ways"]) == ("omniglot", True, None)
    assert (second["name"], second["default"], second["ways"]) == ("three", False, 3)
    assert adapt(server.url, steps=0).json()["checkpoint"]["name"] == "omniglot"
    model = adapt(server.url, SUPPORT[:15], checkpoint="three").json()
    assert model["checkpoint"] == {name: second[name] for name in ("name", "digest")}
    assert model["steps"] == second["steps"]
    assert len(predict(server.url, model["id"]).json()["predictions"][0]["top"]) == 3


def test_classes_that_do_not_fit_a_checkpoint_fail_their_own_request_only(server: Server) -> None:
    with ThreadPoolExecutor(6) as pool:
        answers = [pool.submit(adapt, server.url, SUPPORT[:15], checkpoint="three") for _ in range(3)]
        misfits = [pool.submit(adapt, server.url, checkpoint="three") for _ in range(3)]
        assert {each.result().status_code for each in answers} == {201}
    for misfit in misfits:
        problem = misfit.result().json()
        assert (problem["status"], problem["type"]) == (422, "/problems/support-unsuitable")
        assert problem["field"] == "labels"
        assert "exactly 3 classes" in problem["detail"]
