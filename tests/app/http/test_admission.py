"""More requests than can be answered in time are refused before their bodies are read."""

from __future__ import annotations

import asyncio
import socket
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import httpx
import pytest

from app.engine.limits import QueueLimits
from app.http.admission import LEAST, REMEMBERED, Admission
from app.settings import Settings
from tests.app.drawings import adapt
from tests.app.refusals import problem
from tests.app.scrape import Scrape
from tests.serving import Server, wait_until

BEGINNING = b"""POST /adapt HTTP/1.1\r
Host: localhost\r
Content-Type: multipart/form-data; boundary=x\r
Content-Length: 1000\r
\r
--x\r
"""


@dataclass
class Busy:
    """An engine that computes for these tenants."""

    computing: Counter[str] = field(default_factory=Counter)


@pytest.fixture(scope="module")
def for_two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("narrow"), max_requests=2)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def narrow(for_two: Server) -> Iterator[Server]:
    """A server for two requests at once, both of which are being uploaded slowly."""
    server = for_two
    uploads = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(2)]
    for each in uploads:
        each.sendall(BEGINNING)
    time.sleep(0.2)
    yield server
    for each in uploads:
        each.close()
    time.sleep(0.2)
    assert adapt(server.url, steps=0).status_code == httpx.codes.CREATED  # they have left their places


def test_one_too_many_is_refused_before_its_body_is_read(narrow: Server) -> None:
    with socket.create_connection(("127.0.0.1", narrow.port), timeout=5) as connection:
        begun = time.monotonic()
        connection.sendall(BEGINNING)  # and no more of it
        answer = connection.recv(65536).decode()
        assert time.monotonic() - begun < 1
    assert answer.startswith("HTTP/1.1 429")
    assert "retry-after: 1" in answer


def test_a_client_that_sends_a_large_body_anyway_gets_the_answer(narrow: Server) -> None:
    for path in ("/adapt", "/inspect"):
        answer = httpx.post(f"{narrow.url}{path}", files={"archive": b"x" * 20_000_000}, timeout=10)
        problem(answer, 429, "queue-full")


def test_refusals_are_counted_with_the_route_that_they_never_reached(narrow: Server) -> None:
    before = Scrape(narrow.url)
    assert adapt(narrow.url).status_code == httpx.codes.TOO_MANY_REQUESTS
    counted = {"name": "kshot_requests_total", "route": "/adapt", "status": "429"}
    wait_until(lambda: Scrape(narrow.url).grown(before, **counted) == 1, 5)
    scrape = Scrape(narrow.url)
    assert scrape.value("kshot_requests_inside") == 2
    assert scrape.grown(before, "kshot_rejections_total", reason="queue-full") == 1


def test_requests_without_a_body_never_wait(narrow: Server) -> None:
    for path in ("/livez", "/readyz", "/models"):
        assert httpx.get(narrow.url + path).status_code == httpx.codes.OK


def test_a_request_that_would_find_no_place_in_the_queue_is_refused_unread() -> None:
    async def run() -> None:
        engine = Busy(Counter("ab"))
        admission = Admission(QueueLimits.of(Settings(max_queue=5, max_queue_per_tenant=3)), engine)
        for tenant in "aaaab":
            admission.receive(tenant)
        assert admission.obstacle("a") == "3 requests of yours are waiting already."
        assert not admission.obstacle("b")
        for tenant in "bc":
            admission.receive(tenant)
        assert admission.obstacle("d") == "5 requests are waiting already."
        admission.answer("c")
        assert not admission.obstacle("d")
        engine.computing.clear()
        assert admission.obstacle("d") == "6 requests are waiting already."

    asyncio.run(run())


@pytest.mark.parametrize(("limit", "most"), [(2, 2), (100, 3)])
def test_one_tenant_cannot_take_all_places_by_slow_uploads(limit: int, most: int) -> None:
    admission = Admission(QueueLimits.of(Settings(max_requests=6, max_requests_per_tenant=limit)), Busy())
    for tenant in [*"a" * most, "b"]:
        assert not admission.obstacle(tenant)
        admission.enter(tenant)
    assert admission.obstacle("a") == f"{most} requests of yours are here already."
    assert not admission.obstacle("b")
    admission.leave("a")
    assert not admission.obstacle("a")


def test_a_slow_server_lets_in_as_many_as_it_can_answer_in_time() -> None:
    async def run() -> None:
        admission = Admission(QueueLimits.of(Settings(queue_seconds=1, max_requests=1000)), Busy())
        for _ in range(50):
            admission.enter()
        assert not admission.obstacle()
        for _ in range(REMEMBERED):  # 20 ms each
            admission.receive()
            await asyncio.sleep(0.02)
            admission.answer()
        assert "in time" in admission.obstacle()
        assert admission.retry_after == 1
        for _ in range(20):
            admission.leave()
        assert not admission.obstacle()

    asyncio.run(run())


def test_at_any_pace_a_batch_may_come_together() -> None:
    async def run() -> None:
        admission = Admission(QueueLimits.of(Settings(queue_seconds=0.01)), Busy())
        for _ in range(REMEMBERED):
            admission.receive()
            await asyncio.sleep(0.02)
            admission.answer()
        for _ in range(LEAST - 1):
            admission.enter()
        assert not admission.obstacle()

    asyncio.run(run())


def test_waiting_together_in_a_real_server_still_works(server: Server) -> None:
    with ThreadPoolExecutor(16) as pool:
        assert {each.status_code for each in pool.map(lambda _: adapt(server.url, steps=1), range(32))} == {201}
