"""Refusals are answered at once, until one client asks for more of them than it may."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from starlette.responses import Response

from app.server.refusals import BURST, LONGEST_DELAY, REMEMBERED, LeakyBuckets, RefusalPacing
from tests.serving import Server

PER_SECOND = 25
BEYOND = 50  # refusals, after those at once


@pytest.fixture(scope="module")
def pacing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("pacing"), refusals_per_second=PER_SECOND)
    server.start()
    yield server
    server.stop()


@pytest.mark.parametrize("connections", [1, 5])
def test_one_clients_refusals_beyond_its_burst_come_at_their_rate_and_hold_up_nothing_else(
    pacing: Server, connections: int
) -> None:
    time.sleep(BURST / PER_SECOND)  # since the test before
    start = time.monotonic()
    with ThreadPoolExecutor(connections) as pool:
        share = (BURST + BEYOND) // connections
        refused = [pool.submit(miss, pacing, share) for _ in range(connections)]
        time.sleep(BEYOND / PER_SECOND / 2)
        asked = time.monotonic()
        assert httpx.get(f"{pacing.url}/models").status_code == 200
        assert time.monotonic() - asked < 0.5
        assert {status for each in refused for status in each.result()} == {404}
    assert BEYOND / PER_SECOND * 0.8 < time.monotonic() - start < BEYOND / PER_SECOND * 2 + 1


def miss(server: Server, times: int) -> list[int]:
    """Ask for a model that isn't there, on one connection."""
    with httpx.Client(base_url=server.url, timeout=30) as http:
        return [http.get(f"/models/{'0' * 32}").status_code for _ in range(times)]


def test_a_server_that_shuts_down_waits_for_answers_that_are_held_back(tmp_path: Path) -> None:
    server = Server(tmp_path, refusals_per_second=0.1)
    server.start()
    assert server.process
    miss(server, BURST)
    with socket.create_connection(("127.0.0.1", server.port)) as held:
        held.sendall(b"GET /models/none HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert httpx.get(f"{server.url}/livez").status_code == 200  # which is read after the other
        held.setblocking(False)
        with pytest.raises(BlockingIOError):
            held.recv(1)
        held.settimeout(LONGEST_DELAY + 5)
        server.process.terminate()
        assert held.recv(1024).startswith(b"HTTP/1.1 404")
    assert server.process.wait(5) == 0


@pytest.mark.parametrize("status", [200, 304, 429, 503])
def test_what_refuses_nothing_or_says_when_to_come_again_is_never_delayed(status: int) -> None:
    pacing = RefusalPacing(Response(status_code=status), per_second=1)
    start = time.monotonic()
    for _ in range(2 * BURST):
        assert len(asyncio.run(ask(pacing))) == 2
    assert time.monotonic() - start < 1


async def ask(pacing: RefusalPacing) -> list[object]:
    """Return the messages of the answer."""
    sent: list[object] = []

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: object) -> None:
        sent.append(message)

    await pacing({"type": "http", "method": "GET", "headers": [], "client": ("a", 1)}, receive, send)
    return sent


def test_each_client_has_a_bucket_that_leaks_and_no_delay_is_longer_than_the_longest() -> None:
    buckets = LeakyBuckets(per_second=10, burst=3, longest=0.25)
    now = 100.0
    assert [buckets.delay("a", now) for _ in range(6)] == pytest.approx([0, 0, 0, 0.1, 0.2, 0.25])
    assert buckets.delay("b", now) == 0
    assert buckets.delay("a", now + 0.25) == pytest.approx(0.1)
    assert [buckets.delay("a", now + 10) for _ in range(4)] == pytest.approx([0, 0, 0, 0.1])


def test_the_client_that_was_not_seen_for_longest_is_forgotten() -> None:
    buckets = LeakyBuckets(per_second=1, burst=1, longest=2)
    assert [buckets.delay("first", 0) for _ in range(2)] == [0, 1]
    for number in range(REMEMBERED):
        buckets.delay(str(number), 0)
    assert buckets.delay("first", 0) == 0
