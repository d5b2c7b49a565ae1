"""More work than the server can do: it says so, which limit it was, and drops what nobody waits for."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.app.drawings import SUPPORT, adapt, images, labels
from tests.app.scrape import Scrape
from tests.serving import Server, wait_until

STEPS = 100_000  # minutes
ENDLESS = {"max_steps": STEPS, "max_image_steps": 10**9}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that lets one request wait, and not for long."""
    server = Server(
        tmp_path_factory.mktemp("small"), max_queue=1, queue_seconds=0.5, compute_seconds=3, batch_images=1, **ENDLESS
    )
    server.start()
    yield server
    server.stop()


def decoded(server: Server) -> float:
    """How many requests have been decoded."""
    return Scrape(server.url).value("kshot_phase_duration_seconds_count", phase="decode")


@contextmanager
def busy(server: Server) -> Iterator[Future[httpx.Response]]:
    """While its engine has a long computation to do; until it has time again."""
    before = decoded(server)
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(adapt, server.url, steps=STEPS)
        wait_until(lambda: decoded(server) > before)
        time.sleep(0.1)  # for the engine to take it
        yield slow
        wait_until(lambda: adapt(server.url, SUPPORT[::5], steps=0).status_code == httpx.codes.CREATED, 120)


def test_the_limit_that_was_met_is_named(small: Server) -> None:
    with busy(small) as slow, ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(adapt, small.url, steps=0)
        wait_until(lambda: Scrape(small.url).value("kshot_queue_depth") == 1)
        refused = adapt(small.url, steps=0)
        assert (refused.status_code, refused.json()["type"]) == (429, "/problems/queue-full")
        assert int(refused.headers["retry-after"]) >= 1
        late = waiting.result()
        assert (late.status_code, late.json()["type"]) == (503, "/problems/queue-timeout")
        assert "0.5 s" in late.json()["detail"]
        long = slow.result()
        assert (long.status_code, long.json()["type"]) == (504, "/problems/compute-timeout")
        assert httpx.get(f"{small.url}/readyz").status_code == 200
    assert len(small.models()) == 1  # only what `busy` made at its end


def test_a_request_whose_client_has_gone_is_dropped(small: Server) -> None:
    before = set(small.models())
    with busy(small):
        form = labels(SUPPORT[::5]) | {"name": ["gone"]}
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(f"{small.url}/adapt", files=images(SUPPORT[::5]), data=form, timeout=0.2)
        time.sleep(0.1)  # for the connection's end to arrive
        second = adapt(small.url, steps=0)  # its place in the queue, which has one, is free again
        assert second.json()["type"] == "/problems/queue-timeout"
        small.wait_for_log('"status": 499')
    names = [model["name"] for model in httpx.get(f"{small.url}/models").json()["models"]]
    assert "gone" not in names
    assert len(set(small.models()) - before) == 1


@pytest.fixture
def patient(tmp_path: Path) -> Iterator[Server]:
    """A server that takes adaptations of minutes."""
    server = Server(tmp_path, **ENDLESS)
    server.start()
    yield server
    server.stop()


def test_a_client_that_leaves_in_the_middle_of_a_computation_ends_it(patient: Server) -> None:
    form = labels(SUPPORT) | {"steps": [str(STEPS)]}
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{patient.url}/adapt", files=images(SUPPORT), data=form, timeout=1)
    begun = time.monotonic()
    assert adapt(patient.url, steps=0).status_code == httpx.codes.CREATED
    assert time.monotonic() - begun < 5
    patient.wait_for_log("nobody waits")
    assert len(patient.models()) == 1
