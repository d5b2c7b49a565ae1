"""The store as users see it: models that expire, that others delete, and a disk that fails."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator

import httpx
import pytest

from tests.app.drawings import adapt, predict
from tests.serving import Server, wait_until


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that sweeps at once."""
    server = Server(tmp_path_factory.mktemp("keeping"), sweep_seconds=0.2)
    server.start()
    yield server
    server.stop()


def test_a_model_expires_and_is_swept(server: Server) -> None:
    model = adapt(server.url, steps=0, ttl_seconds=1).json()
    file = server.store / f"{model['id']}.safetensors"
    assert model["expires_at"] > model["created_at"]
    assert predict(server.url, model["id"]).status_code == 200
    assert file.exists()
    time.sleep(1)
    assert predict(server.url, model["id"]).status_code == 404
    assert httpx.get(f"{server.url}/models/{model['id']}").status_code == 404
    assert model["id"] not in server.models()
    wait_until(lambda: not file.exists(), 5)


def test_a_model_that_another_server_deleted_is_gone_from_this_ones_memory(server: Server) -> None:
    model = adapt(server.url, steps=0).json()
    assert predict(server.url, model["id"]).status_code == 200
    (server.store / f"{model['id']}.safetensors").unlink()
    assert predict(server.url, model["id"]).status_code == 404


def test_a_model_that_cannot_be_kept_is_refused_with_the_reason(server: Server) -> None:
    away = server.store.with_name("away")
    shutil.move(server.store, away)
    try:
        answer = adapt(server.url, steps=0)
        assert (answer.status_code, answer.json()["type"]) == (503, "/problems/store-unavailable")
        assert "No such file or directory" in answer.json()["detail"]
        assert httpx.get(f"{server.url}/models").json()["type"] == "/problems/store-unavailable"
    finally:
        shutil.move(away, server.store)
    assert adapt(server.url, steps=0).status_code == 201
