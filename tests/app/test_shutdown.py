"""SIGTERM: requests in flight get their time, and then an answer all the same."""

from __future__ import annotations

import re
import socket
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from app.commands.serve import LAST_SECONDS
from app.settings import Settings
from tests.app.drawings import adapt
from tests.serving import Server, wait_until

ROOT = Path(__file__).parent.parent.parent
HALF_A_REQUEST = b"""POST /adapt HTTP/1.1\r
Host: kshot\r
Content-Type: multipart/form-data; boundary=x\r
Content-Length: 1000\r
\r
--x\r
"""


def test_a_request_that_outlasts_the_grace_is_told_that_the_server_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UVICORN_TIMEOUT_GRACEFUL_SHUTDOWN", "1")
    server = Server(tmp_path)
    server.start()
    try:
        with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
            connection.sendall(HALF_A_REQUEST)
            server.stop()
            answer = connection.makefile("rb").read().decode()
    finally:
        server.stop()
    assert answer.startswith("HTTP/1.1 503")
    assert "retry-after: 1" in answer
    assert "/problems/not-ready" in answer
    assert "shutting down" in answer
    server.wait_for_log('"status": 503')


def test_the_drain_is_as_long_as_a_request_may_take_and_compose_grants_it() -> None:
    settings = Settings()
    granted = re.search(r"stop_grace_period: (\d+)s", (ROOT / "compose.yaml").read_text())
    assert granted
    assert settings.queue_seconds + settings.compute_seconds < settings.drain_seconds
    assert settings.drain_seconds + LAST_SECONDS < int(granted[1])


class Command(Server):
    """`kshot serve`."""

    def command(self) -> list[str]:
        return [sys.executable, "-c", "from app.commands import main; main()", "serve", "--port", str(self.port)]


@pytest.fixture
def command(tmp_path: Path) -> Iterator[Command]:
    server = Command(tmp_path, max_steps=10**6, max_image_steps=10**9, queue_seconds=60)
    server.start()
    yield server
    if server.process and server.process.poll() is None:
        server.kill()


def test_sigterm_under_load_loses_nothing_and_says_that_it_drains(command: Command) -> None:
    assert command.process
    with ThreadPoolExecutor(6) as pool:
        accepted = [pool.submit(adapt, command.url, steps=500) for _ in range(6)]
        time.sleep(1)  # all of them are received; the steps take longer
        command.process.terminate()
        wait_until(lambda: httpx.get(f"{command.url}/readyz").status_code == 503, 5)
        assert "shutting down" in httpx.get(f"{command.url}/readyz").json()["detail"]
        refused = adapt(command.url, steps=0)
        assert (refused.status_code, refused.headers["connection"]) == (503, "close")
        assert int(refused.headers["retry-after"]) >= 1
        answers = [each.result() for each in accepted]
    assert [each.status_code for each in answers] == [201] * 6, [each.text for each in answers]
    command.process.wait(20)
    assert all((command.store / f"{each.json()['id']}.safetensors").exists() for each in answers)


def test_a_second_signal_ends_at_once(command: Command) -> None:
    assert command.process
    with ThreadPoolExecutor(1) as pool:
        pool.submit(adapt, command.url, steps=10**5)
        time.sleep(0.5)
        command.process.terminate()
        time.sleep(0.5)
        assert command.process.poll() is None
        command.process.terminate()
        command.process.wait(5)
