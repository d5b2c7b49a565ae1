"""Log lines: each says which request and tenant it is about, enough to find a fault, and nothing of users' data."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from httpx_sse import connect_sse

from app.tenants.keys import KeyFile
from tests.app.drawings import SUPPORT, images, labels
from tests.serving import Server, wait_until

CODE = """
from app.observability import logs
from app.settings import Settings
import structlog

def deep(left):
    secret = "x" * 1000 + str(left)
    if left:
        deep(left - 1)
    raise ArithmeticError("the fault")

logs.configure(Settings())
try:
    deep(100)
except ArithmeticError:
    structlog.stdlib.get_logger("kshot").exception("unexpected error")
"""


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_a_traceback_is_logged_without_local_variables(monkeypatch: pytest.MonkeyPatch, log_format: str) -> None:
    monkeypatch.setenv("KSHOT_LOG_FORMAT", log_format)
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert "the fault" in done.stderr
    assert "deep" in done.stderr
    assert "xxxx" not in done.stderr
    assert len(done.stderr) < 10_000
    if log_format == "json":
        assert json.loads(done.stderr)["exception"][0]["exc_type"] == "ArithmeticError"


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> KeyFile:
    return KeyFile(tmp_path_factory.mktemp("keys") / "keys.json")


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory, keys: KeyFile) -> Iterator[Server]:
    keys.add("nobody")
    server = Server(tmp_path_factory.mktemp("guarded"), keys=keys.path, max_steps=500)
    server.start()
    yield server
    server.stop()


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def lines(server: Server, request_id: str) -> list[dict[str, Any]]:
    """All that the log says of a request, once it has its own line."""

    def logged() -> list[dict[str, Any]]:
        about = (line for line in server.log.read_text().splitlines() if f'"request_id": "{request_id}"' in line)
        return [json.loads(line) for line in about]

    wait_until(lambda: any(line["event"] == "request" for line in logged()), 5)
    return logged()


def test_answers_and_refusals_are_logged_with_request_and_tenant(guarded: Server, keys: KeyFile) -> None:
    alice = bearer(keys.add("alice", requests_per_minute=4)[1])
    files = [("images", ("a.png", b"x")), *images(SUPPORT[1:])]
    answers = [
        httpx.post(f"{guarded.url}/adapt", files=images(SUPPORT), data=labels(SUPPORT), headers=alice, timeout=60),
        httpx.post(f"{guarded.url}/adapt", files=files, data=labels(SUPPORT), headers=alice, timeout=60),
        httpx.get(f"{guarded.url}/models/{'0' * 32}", headers=alice),
        httpx.get(f"{guarded.url}/metrics", headers=alice),
        httpx.get(f"{guarded.url}/models", headers=alice),
        httpx.get(f"{guarded.url}/models", headers=alice),
    ]
    assert [each.status_code for each in answers] == [201, 422, 404, 403, 200, 429]
    for answer in answers:
        (line,) = lines(guarded, answer.headers["x-request-id"])
        assert (line["event"], line["status"], line["tenant"]) == ("request", answer.status_code, "alice")


def test_a_request_that_follows_on_a_connection_is_not_logged_as_the_last_ones_tenant(
    guarded: Server, keys: KeyFile
) -> None:
    first = f"Authorization: Bearer {keys.add('bob')[1]}\r\nX-Request-ID: first"
    both = (f"GET /models HTTP/1.1\r\nHost: localhost\r\n{each}\r\n\r\n" for each in (first, "X-Request-ID: second"))
    with socket.create_connection(("127.0.0.1", guarded.port), timeout=5) as connection:
        connection.sendall("".join(both).encode())  # at once: the second waits for the end of the first
        (one,), (other,) = lines(guarded, "first"), lines(guarded, "second")
    assert (one["status"], one["tenant"]) == (200, "bob")
    assert other["status"] == 401
    assert "tenant" not in other


def test_the_engines_lines_name_the_requests_and_their_tenants(guarded: Server, keys: KeyFile) -> None:
    carol = bearer(keys.add("carol")[1])
    form = {"data": labels(SUPPORT) | {"steps": ["500"]}, "files": images(SUPPORT), "headers": carol}
    with httpx.Client() as http, connect_sse(http, "POST", f"{guarded.url}/adapt", **form) as source:
        next(source.iter_sse())
    request_id = source.response.headers["x-request-id"]
    guarded.wait_for_log("nobody waits for it")
    ended = next(line for line in lines(guarded, request_id) if "nobody waits" in line["event"])
    assert ended["requests"] == [{"request_id": request_id, "tenant": "carol"}]
