"""SIGTERM: requests in flight get their time, and then an answer all the same."""

from __future__ import annotations

import re
import socket
from pathlib import Path

import pytest

from app.commands.serve import grace_seconds
from app.settings import Settings
from tests.serving import Server

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


def test_the_grace_is_as_long_as_a_request_may_take_and_compose_grants_it() -> None:
    settings = Settings()
    granted = re.search(r"stop_grace_period: (\d+)s", (ROOT / "compose.yaml").read_text())
    assert granted
    assert settings.queue_seconds + settings.compute_seconds < grace_seconds(settings) < int(granted[1])
