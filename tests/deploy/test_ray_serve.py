"""Replicas of Ray Serve share their models, come and go under load, and lose nothing that was answered."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from app.settings import Settings
from tests.app.drawings import QUERY, SUPPORT, adapt, images, labels, predict, scores
from tests.deploy.ray_server import RayServer
from tests.s3 import BUCKET, running_s3
from tests.serving import wait_until

pytest.importorskip("ray.serve", reason="make test-deploy installs it")
from app.server.ray_serve import MARK, Replica, Scale, StoreNotShared, app, shared

pytestmark = pytest.mark.deploy
PATIENCE = 120  # seconds for a replica to come, while others keep the cores busy


class Load:
    """Clients that adapt, and predict with what they made; they keep what was answered, and what was not."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.answered: dict[str, list[dict[str, float]]] = {}
        self.failed: list[int | str] = []
        self._over = threading.Event()

    @contextmanager
    def by(self, clients: int) -> Iterator[None]:
        with ThreadPoolExecutor(clients) as pool:
            sent = [pool.submit(self._send) for _ in range(clients)]
            try:
                yield
            finally:
                self._over.set()
                for each in sent:
                    each.result()

    def _send(self) -> None:
        while not self._over.is_set():
            try:
                model_id = adapt(self.url, SUPPORT[::5], steps=3).raise_for_status().json()["id"]
                self.answered[model_id] = []
                self.answered[model_id] = scores(predict(self.url, model_id, QUERY[:1]))
            except httpx.HTTPStatusError as error:
                self.failed.append(error.response.status_code)
            except httpx.HTTPError as error:
                self.failed.append(repr(error))


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RayServer]:
    """Two replicas over a bucket."""
    folder = tmp_path_factory.mktemp("two")
    with running_s3() as environment:
        server = RayServer(folder, {"min_replicas": 2, "max_replicas": 2, "cpus": 0.2}, store=f"s3://{BUCKET}/ray")
        server.environment |= environment
        server.start()
        wait_until(lambda: len(server.counts("kshot_ready")) == 2, PATIENCE, server.log.read_text)
        yield server
        server.stop()


def test_what_one_replica_adapts_the_other_predicts_with(two: RayServer) -> None:
    misses = 'kshot_cache_lookups_total{result="miss"}'
    before = sum(two.counts(misses).values())
    models = [adapt(two.url, SUPPORT, steps=5).raise_for_status().json()["id"] for _ in range(4)]
    said = [[scores(predict(two.url, model_id)) for _ in range(8)] for model_id in models]
    assert sum(two.counts(misses).values()) > before  # the one that adapted has it in memory
    for first, *others in said:
        for other in others:
            assert other == [pytest.approx(each, abs=1e-5) for each in first]


def test_events_come_while_it_adapts(two: RayServer) -> None:
    form = labels(SUPPORT) | {"steps": ["60"]}
    accept = {"Accept": "text/event-stream"}
    arrived = []
    with httpx.stream(
        "POST", f"{two.url}/adapt", files=images(SUPPORT), data=form, headers=accept, timeout=60
    ) as answer:
        assert answer.status_code == httpx.codes.OK
        arrived = [time.monotonic() for line in answer.iter_lines() if line.startswith("event: ")]
    assert len(arrived) == 62
    assert arrived[-1] - arrived[0] > 0.2


def test_ray_exports_how_many_requests_wait(two: RayServer) -> None:
    wait_until(lambda: "kshot_queue_depth" in two.exported(), PATIENCE, two.exported)


def test_a_replica_that_is_killed_under_load_takes_nothing_with_it_that_was_answered(two: RayServer) -> None:
    load, clients = Load(two.url), 4
    with load.by(clients):
        wait_until(lambda: len(load.answered) > 10, PATIENCE)
        victim, _ = two.replicas()
        victim.kill()
        answered = len(load.answered)
        wait_until(lambda: len(load.answered) > answered + 20, PATIENCE)  # the other goes on
    wait_until(lambda: len(two.counts("kshot_ready")) == 2, PATIENCE, two.log.read_text)  # and Ray starts another
    assert {each for each in load.failed if each not in (500, 503)} == set()
    assert len(load.failed) <= 10 * clients
    for model_id, said in load.answered.items():
        found = scores(predict(two.url, model_id, QUERY[:1]))
        assert not said or found == [pytest.approx(each, abs=1e-5) for each in said]


def test_replicas_come_with_the_load_and_go_after_it_and_no_request_fails(tmp_path: Path) -> None:
    scale = {"max_replicas": 2, "ongoing_requests": 2, "upscale_delay_s": 1, "downscale_delay_s": 2, "cpus": 0.2}
    server = RayServer(tmp_path, scale)
    server.start()
    try:
        assert len(server.replicas()) == 1
        steady = Load(server.url)
        with steady.by(1):
            busy = Load(server.url)
            with busy.by(8):
                wait_until(lambda: len(server.counts("kshot_ready")) == 2, PATIENCE, server.log.read_text)
            wait_until(lambda: len(server.replicas()) == 1, PATIENCE, server.log.read_text)
        assert (busy.failed, steady.failed) == ([], [])
        assert sorted(server.models()) == sorted([*busy.answered, *steady.answered])
        assert "kshot_queue_depth" in server.exported()
    finally:
        server.stop()


def test_a_store_that_is_not_shared_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="there are no API keys"):
        app(Scale())
    monkeypatch.setenv("KSHOT_ALLOW_ANONYMOUS", "true")
    with pytest.raises(StoreNotShared, match=r"KSHOT_STORE is kshot-models.*absolute path"):
        app(Scale())
    mark = shared(Settings(store=str(tmp_path)))
    assert mark == shared(Settings(store=str(tmp_path))) != ""
    (tmp_path / MARK).unlink()  # as on a machine where nothing is mounted there
    with pytest.raises(StoreNotShared, match="Mount the same folder on every node"):
        Replica(Settings(store=str(tmp_path)), mark)
