"""kill -9 of the server while clients adapt loses nothing that was answered, and leaves nothing half-written."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.app.drawings import QUERY, SUPPORT, adapt, predict
from tests.serving import Server

KILLS = 3
CLIENTS = 4


@pytest.fixture
def mortal(tmp_path: Path) -> Iterator[Server]:
    """A server of its own, to be killed and started again."""
    server = Server(tmp_path)
    server.start()
    yield server
    server.stop()


def adapt_until_it_dies(server: Server, answered: list[str]) -> None:
    try:
        while True:
            answered.append(adapt(server.url, SUPPORT[::5], steps=1).raise_for_status().json()["id"])
    except httpx.TransportError:
        pass


def test_kill_9_loses_no_answered_model_and_leaves_no_half_written_one(mortal: Server) -> None:
    answered: list[str] = []
    for kill in range(KILLS):
        clients = [threading.Thread(target=adapt_until_it_dies, args=(mortal, answered)) for _ in range(CLIENTS)]
        for client in clients:
            client.start()
        before = len(answered)
        while len(answered) < before + CLIENTS:  # they are all at it
            time.sleep(0.01)
        time.sleep(random.Random(kill).uniform(0, 0.3))  # noqa: S311
        mortal.kill()
        for client in clients:
            client.join()
        mortal.start()
        listed = mortal.models()
        assert set(answered) <= set(listed)
        # Also on the disk: a list leaves damaged files out.
        assert set(listed) == {path.stem for path in mortal.store.glob("*.safetensors")}
        for model_id in listed:  # also those that were stored and whose answer the kill cut off
            predicted = predict(mortal.url, model_id, QUERY[:1]).raise_for_status()
            assert len(predicted.json()["predictions"][0]["top"]) == 5
    assert len(answered) >= KILLS * CLIENTS


def test_models_survive_a_restart(mortal: Server) -> None:
    model = adapt(mortal.url).json()
    expected = predict(mortal.url, model["id"]).json()["predictions"]
    mortal.stop()
    mortal.start()
    assert predict(mortal.url, model["id"]).json()["predictions"] == expected
