"""The client sends again what a busy server refused or a lost connection left open, and makes no model twice by it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Literal, TypeAlias

import httpx
import pytest

from kshot import AdaptAnswer, APIError, AsyncClient, Client, ServerUnreachableError, StepEvent
from kshot.errors import LONGEST_WAIT
from tests.app.drawings import FOLDER, QUERY
from tests.serving import Server

KSHOT = Path(sys.executable).with_name("kshot")
Fate: TypeAlias = Literal["lost", "answer lost", "answer cut short", "busy", "busy for long", "down"]
RETRY_AFTER = {"busy": {"Retry-After": "1"}, "busy for long": {"Retry-After": str(LONGEST_WAIT + 1)}, "down": {}}


@contextmanager
def between(server: Server, *fates: Fate) -> Iterator[str]:
    """The address of a proxy before the server, where the first requests meet these fates, and all others get by."""
    coming = list(fates)

    class Proxy(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            fate = coming.pop(0) if coming else None
            if fate in RETRY_AFTER:
                self.say(503, RETRY_AFTER[fate])
            elif fate != "lost":
                url, headers = server.url + self.path, dict(self.headers)
                answer = httpx.request(self.command, url, content=body, headers=headers, timeout=60)
                if fate != "answer lost":
                    length = {"Content-Length": str(len(answer.content))}
                    self.say(answer.status_code, {"Content-Type": answer.headers["content-type"], **length})
                    self.wfile.write(answer.content[:300] if fate == "answer cut short" else answer.content)

        do_GET = do_DELETE = do_POST  # noqa: N815 - the base class's names

        def say(self, status: int, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the base class's name
            """Keep the tests' output clean."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Proxy) as proxy:
        thread = Thread(target=proxy.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{proxy.server_port}"
        finally:
            proxy.shutdown()
            thread.join()
    assert not coming, "fewer requests came than should"


@pytest.mark.parametrize("fates", [("lost", "answer lost"), ("answer cut short", "busy"), ("busy", "answer lost")])
def test_a_model_is_made_once_whatever_becomes_of_the_first_answers(server: Server, fates: tuple[Fate, ...]) -> None:
    before = server.models()
    with between(server, *fates) as url, Client(url) as client:
        model = client.adapt(FOLDER, steps=0)
        assert server.models() == [model.id, *before]
    with between(server, *fates) as url, Client(url) as client:
        version = client.revise(model.id, remove=[0])
        assert server.models() == [version.id, model.id, *before]


def test_events_come_again_after_the_connection_was_lost(server: Server) -> None:
    before = server.models()
    with between(server, "answer cut short", "answer lost") as url, Client(url) as client:
        *steps, answer = client.adapt_events(FOLDER)
    assert isinstance(answer, AdaptAnswer)
    assert all(isinstance(step, StepEvent) for step in steps)
    assert server.models() == [answer.id, *before]


def test_the_async_client_tries_again_too(server: Server) -> None:
    before = server.models()

    async def plain(url: str) -> str:
        async with AsyncClient(url) as client:
            return (await client.adapt(FOLDER)).id

    async def events(url: str) -> str:
        async with AsyncClient(url) as client:
            *_, answer = [event async for event in client.adapt_events(FOLDER)]
        assert isinstance(answer, AdaptAnswer)
        return answer.id

    for run in (plain, events):
        with between(server, "answer cut short", "busy") as url:
            before = [asyncio.run(run(url)), *before]
        assert server.models() == before
    with between(server, *["lost"] * 3) as url, pytest.raises(ServerUnreachableError):
        asyncio.run(plain(url))


def test_the_command_line_tries_again_too(server: Server) -> None:
    before = server.models()
    with between(server, "answer lost", "answer cut short") as url:
        done = subprocess.run([KSHOT, "adapt", FOLDER, "--url", url], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len(server.models()) == len(before) + 1


def test_what_changes_nothing_is_asked_again_when_the_server_is_busy(server: Server, client: Client) -> None:
    model = client.adapt(FOLDER, steps=0)
    with between(server, "busy", "busy") as url, Client(url) as patient:
        assert patient.predict(model.id, QUERY[:1]).model_id == model.id
    with between(server, "busy") as url, Client(url) as patient:
        assert patient.checkpoints()


@pytest.mark.parametrize("fate", ["busy", "busy for long", "down", "lost"])
def test_who_wants_no_retries_has_the_error_at_once(server: Server, fate: Fate) -> None:
    before = server.models()
    with between(server, fate) as url, Client(url, retries=0) as client:
        with pytest.raises((APIError, ServerUnreachableError)):
            client.adapt(FOLDER, steps=0)
        assert server.models() == before


@pytest.mark.parametrize("fate", ["busy for long", "down"])
def test_a_server_that_will_not_be_back_soon_is_left_to_the_caller(server: Server, fate: Fate) -> None:
    with between(server, fate) as url, Client(url) as client, pytest.raises(APIError) as caught:
        client.adapt(FOLDER, steps=0)
    assert caught.value.problem.status == 503


@pytest.mark.parametrize("fate", ["busy", "answer lost"])
def test_what_cannot_be_done_twice_is_tried_once(server: Server, client: Client, fate: Fate) -> None:
    model = client.adapt(FOLDER, steps=0)
    with between(server, fate) as url, Client(url) as hasty, pytest.raises((APIError, ServerUnreachableError)):
        hasty.delete(model.id)
    with between(server, "busy") as url, Client(url) as hasty:
        assert not hasty.ready()


def test_a_key_of_ones_own_is_sent(client: Client) -> None:
    models = [client.adapt(FOLDER, steps=0, idempotency_key=f"mine-{key}") for key in (1, 1, 2)]
    assert models[0] == models[1] != models[2]
    assert client.adapt(FOLDER, steps=0, idempotency_key=None).id not in {model.id for model in models}
    pair = [client.revise(models[0].id, remove=[0], idempotency_key="mine") for _ in range(2)]
    assert pair[0] == pair[1]


def test_a_client_outlasts_a_server_that_starts_again(tmp_path: Path) -> None:
    server = Server(tmp_path)
    server.start()
    with Client(server.url, retries=8) as client, ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(client.adapt, FOLDER, steps=100)
        time.sleep(0.3)
        server.kill()
        server.start()
        model_id = waiting.result().id
    assert server.models() == [model_id]
    server.stop()
