"""SIGTERM: requests in flight get their time, and then an answer all the same."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from app.server.server import LAST_SECONDS
from app.settings import Settings
from tests.app.drawings import QUERY, SUPPORT, adapt, images, labels, predict, scores
from tests.app.half_sent import HalfSent
from tests.serving import Server, wait_until

ROOT = Path(__file__).parents[3]
ENDLESS = {"max_steps": 10**6, "max_image_steps": 10**9, "queue_seconds": 60}
DRAIN_SECONDS = 1


def test_the_drain_is_as_long_as_a_request_may_take_and_compose_grants_it() -> None:
    settings = Settings()
    granted = re.search(r"stop_grace_period: (\d+)s", (ROOT / "compose.yaml").read_text())
    assert granted
    assert settings.queue_seconds + settings.compute_seconds < settings.drain_seconds
    assert settings.drain_seconds + LAST_SECONDS < int(granted[1])


@pytest.fixture
def command(tmp_path: Path) -> Iterator[Server]:
    yield from running(Server(tmp_path, **ENDLESS))


@pytest.fixture
def hasty(tmp_path: Path) -> Iterator[Server]:
    yield from running(Server(tmp_path, drain_seconds=DRAIN_SECONDS, **ENDLESS))


def running(server: Server) -> Iterator[Server]:
    server.start()
    yield server
    if server.process and server.process.poll() is None:
        server.kill()


def events(url: str) -> str:
    form, headers = labels(SUPPORT) | {"steps": ["50"]}, {"Accept": "text/event-stream"}
    return httpx.post(f"{url}/adapt", files=images(SUPPORT), data=form, headers=headers, timeout=60).text


def test_sigterm_under_load_loses_nothing_and_says_that_it_drains(command: Server) -> None:
    assert command.process
    model_id = adapt(command.url).json()["id"]
    expected = scores(predict(command.url, model_id, QUERY[:3]))
    with ThreadPoolExecutor(16) as pool:
        uploads = [HalfSent(command) for _ in range(3)]
        adapted = [pool.submit(adapt, command.url, steps=100) for _ in range(5)]
        told = pool.submit(events, command.url)
        predicted = [pool.submit(predict, command.url, model_id, QUERY[:3]) for _ in range(5)]
        time.sleep(1)  # all of them are here; the steps take longer
        command.process.terminate()
        wait_until(lambda: httpx.get(f"{command.url}/readyz").status_code == 503, 5)
        assert "shutting down" in httpx.get(f"{command.url}/readyz").json()["detail"]
        refused = adapt(command.url, steps=0)
        assert (refused.status_code, refused.headers["connection"]) == (503, "close")
        assert int(refused.headers["retry-after"]) >= 1
        assert [upload.finish().status for upload in uploads] == [201] * 3
        answers = [each.result() for each in adapted]
    assert [each.status_code for each in answers] == [201] * 5, [each.text for each in answers]
    assert "event: done" in told.result()
    for each in predicted:
        for said, before in zip(scores(each.result()), expected, strict=True):
            assert said == pytest.approx(before, abs=1e-4)
    assert command.process.wait(20) == 0
    assert all((command.store / f"{each.json()['id']}.safetensors").exists() for each in answers)
    assert len(list(command.store.glob("*.safetensors"))) == 1 + 3 + 5 + 1


def test_what_outlasts_the_drain_is_answered_all_the_same(hasty: Server) -> None:
    assert hasty.process
    with ThreadPoolExecutor(1) as pool:
        endless = pool.submit(adapt, hasty.url, steps=10**5)
        never_sent = HalfSent(hasty)
        time.sleep(0.5)
        hasty.process.terminate()
        start = time.monotonic()
        answer = endless.result()
    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/not-ready")
    assert (answer.headers["retry-after"], "shutting down" in answer.json()["detail"]) == ("1", True)
    assert never_sent.finish().status == 503
    hasty.wait_for_log('"status": 503')
    assert hasty.process.wait(5) == 0
    assert DRAIN_SECONDS < time.monotonic() - start < DRAIN_SECONDS + LAST_SECONDS + 3
    assert list(hasty.store.iterdir()) == []


def test_a_second_signal_ends_at_once(command: Server) -> None:
    assert command.process
    with ThreadPoolExecutor(1) as pool:
        pool.submit(adapt, command.url, steps=10**5)
        time.sleep(0.5)
        command.process.terminate()
        time.sleep(0.5)
        assert command.process.poll() is None
        command.process.terminate()
        assert command.process.wait(5) != 0
