"""Clients that send nonsense as fast as they can, which costs a moment each, take turns with the others."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from benchmarks.load.clients import ask_all, load
from benchmarks.load.requests import Form, Request, pictures
from tests.serving import Server

OWN, FORM = pictures("omniglot"), Form("omniglot")
MOST_STEPS = 20
SECONDS = 3
FLOODERS = 2


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("strict"), max_steps=MOST_STEPS)
    server.start()
    yield server
    server.stop()


@pytest.mark.alone
@pytest.mark.parametrize("kind", ["adapt", "predict"])
def test_others_are_answered_while_requests_to_refuse_pour_in(strict: Server, kind: str) -> None:
    good = wanted(strict.url, kind)
    nonsense = FORM.adapt(OWN.one_of_each, MOST_STEPS + 1)
    answered = load(strict.url, [lambda: good, *[lambda: nonsense] * FLOODERS], SECONDS)
    assert set(answered.milliseconds) == {201 if kind == "adapt" else 200, 422}
    # With the lock left to whoever is quickest, the first answer comes when the flood is over.
    assert max(answered.good) < 1e3 * SECONDS / 2


def wanted(url: str, kind: str) -> Request:
    adapt = FORM.adapt(OWN.one_of_each, 10)
    if kind == "adapt":
        return adapt
    (model,) = ask_all(url, [adapt], at_once=1)
    return FORM.predict(model["id"], OWN.queries[0])
