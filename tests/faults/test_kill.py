"""kill -9 at any moment, while clients adapt, predict and delete, loses nothing that was answered.

`make kills` is the long run.
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.store.directory.model_folder import IMAGES
from app.store.interface import ABANDONED_SECONDS
from app.store.model_file import SUFFIX
from tests.app.drawings import QUERY, SUPPORT, adapt, predict
from tests.serving import Server, wait_until

KILLS = int(os.environ.get("KSHOT_KILLS", "2"))
CLIENTS = 4
KEPT = 3  # models of a client, before it deletes its oldest
ROUNDING = 1e-4  # alone or batched with others


@pytest.fixture(scope="module")
def mortal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of its own, to be killed and started again."""
    server = Server(tmp_path_factory.mktemp("mortal"), sweep_seconds=0.5)
    server.start()
    yield server
    server.stop()


@dataclass
class Told:
    """What clients know of a server's models."""

    made: set[str] = field(default_factory=set)
    scores: dict[str, list[float]] = field(default_factory=dict)
    deleting: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)

    def work_until_it_dies(self, server: Server) -> None:
        mine: list[str] = []
        try:
            while True:
                mine.append(self.make(server))
                self.look(server, mine[-1])
                if len(mine) > KEPT:
                    self.delete(server, mine.pop(0))
        except httpx.TransportError:
            pass

    def make(self, server: Server) -> str:
        model_id = str(adapt(server.url, SUPPORT[::5], steps=1).raise_for_status().json()["id"])
        self.made.add(model_id)
        return model_id

    def look(self, server: Server, model_id: str) -> None:
        """What it predicts is what it predicted first."""
        predicted = scores(predict(server.url, model_id, QUERY[:1]))
        assert predicted == pytest.approx(self.scores.setdefault(model_id, predicted), abs=ROUNDING)

    def delete(self, server: Server, model_id: str) -> None:
        self.deleting.add(model_id)
        httpx.delete(f"{server.url}/models/{model_id}").raise_for_status()
        self.deleted.add(model_id)

    def check(self, server: Server) -> None:
        """Also of models that were stored and whose answer the kill cut off."""
        listed = set(server.models())
        assert self.made - self.deleting <= listed
        assert not self.deleted & listed
        # Also on the disk: a list leaves damaged files out.
        assert listed == {path.stem for path in server.store.glob(f"*{SUFFIX}")}
        for model_id in listed:
            self.look(server, model_id)
            assert httpx.get(f"{server.url}/models/{model_id}/images").status_code == httpx.codes.OK


def scores(answer: httpx.Response) -> list[Any]:
    top = answer.raise_for_status().json()["predictions"][0]["top"]
    assert len(top) == len(SUPPORT[::5])
    return [each["score"] for each in sorted(top, key=lambda each: each["label"])]


def test_kill_9_loses_nothing_that_was_answered_and_leaves_nothing_half_written(mortal: Server) -> None:
    told = Told()
    for kill in range(KILLS):
        before = len(told.made)
        clients = [threading.Thread(target=told.work_until_it_dies, args=(mortal,)) for _ in range(CLIENTS)]
        for client in clients:
            client.start()
        wait_until(lambda: len(told.made) >= before + CLIENTS * KEPT)  # noqa: B023 - they are all at it, and delete
        time.sleep(random.Random(kill).uniform(0, 0.3))  # noqa: S311
        mortal.kill()
        for client in clients:
            client.join()
        mortal.start()
        told.check(mortal)
        for model_id in mortal.models()[CLIENTS:]:  # not to look at all of them again and again
            told.delete(mortal, model_id)
    assert len(told.made) >= KILLS * CLIENTS * KEPT
    assert told.deleted

    (mortal.store / f"{'0' * 32}.00000000.part").touch()  # if no kill left any
    for path in mortal.store.iterdir():
        os.utime(path, times=(time.time() - 2 * ABANDONED_SECONDS,) * 2)
    wait_until(lambda: set(mortal.store.iterdir()) == files_of(mortal, mortal.models()), 5)
    told.check(mortal)


def files_of(server: Server, ids: list[str]) -> set[Path]:
    return {server.store / f"{model_id}{suffix}" for model_id in ids for suffix in (SUFFIX, IMAGES)}


def test_models_survive_a_restart(mortal: Server) -> None:
    model = adapt(mortal.url).json()
    expected = predict(mortal.url, model["id"]).json()["predictions"]
    mortal.stop()
    mortal.start()
    assert predict(mortal.url, model["id"]).json()["predictions"] == expected
