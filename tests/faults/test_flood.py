"""Clients that send nonsense as fast as they can, which costs a moment each, take turns with the others."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.load.clients import ask_all, load
from benchmarks.load.requests import Form, Request, pictures
from tests.serving import Server

OWN, FORM = pictures("omniglot"), Form("omniglot")
MOST_STEPS = 20
SECONDS = 3
FLOODERS = 2


@pytest.mark.parametrize("kind", ["adapt", "predict"])
def test_others_are_answered_while_requests_to_refuse_pour_in(tmp_path: Path, kind: str) -> None:
    server = Server(tmp_path, max_steps=MOST_STEPS)
    server.start()
    try:
        good = wanted(server.url, kind)
        nonsense = FORM.adapt(OWN.one_of_each, MOST_STEPS + 1)
        answered = load(server.url, [lambda: good, *[lambda: nonsense] * FLOODERS], SECONDS)
    finally:
        server.stop()
    assert set(answered.milliseconds) == {201 if kind == "adapt" else 200, 422}
    # With the lock left to whoever is quickest, the first answer comes when the flood is over.
    assert max(answered.good) < 1e3 * SECONDS / 2


def wanted(url: str, kind: str) -> Request:
    adapt = FORM.adapt(OWN.one_of_each, 10)
    if kind == "adapt":
        return adapt
    (model,) = ask_all(url, [adapt], at_once=1)
    return FORM.predict(model["id"], OWN.queries[0])
