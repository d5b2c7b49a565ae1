"""POST /adapt as server-sent events."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path

import httpx
import pytest
from httpx_sse import connect_sse

from kshot import APIError, AsyncClient, Client
from kshot.types import AdaptAnswer, StepEvent
from tests.app.drawings import FOLDER, SUPPORT, adapt, images, labels
from tests.app.refusals import problem
from tests.serving import Server, wait_until

EVENTS = {"Accept": "text/event-stream"}


def test_the_loss_comes_step_by_step_and_then_the_answer(server: Server) -> None:
    form = {"data": labels(SUPPORT) | {"steps": ["4"]}, "files": images(SUPPORT)}
    with httpx.Client() as http, connect_sse(http, "POST", f"{server.url}/adapt", **form) as source:
        *steps, done = [(event.event, json.loads(event.data)) for event in source.iter_sse()]
    assert source.response.status_code == 200
    assert {kind for kind, _ in steps} == {"step"}
    assert [(step["step"], step["steps"]) for _, step in steps] == [(0, 4), (1, 4), (2, 4), (3, 4), (4, 4)]
    kind, model = done
    assert kind == "done"
    assert [step["loss"] for _, step in steps] == pytest.approx(model["loss_curve"])
    assert model.keys() == adapt(server.url).json().keys()
    del model["timings_ms"]
    assert httpx.get(f"{server.url}/models/{model['id']}").json() == model


def test_the_first_event_comes_long_before_the_last_step(client: Client) -> None:
    came: list[tuple[float, StepEvent | AdaptAnswer]] = [
        (time.perf_counter(), event) for event in client.adapt_events(FOLDER, steps=100)
    ]
    (first, _), *_, (last, _), (_, answer) = came
    assert len(came) == 102
    assert isinstance(answer, AdaptAnswer)
    assert (last - first) * 1e3 > answer.timings_ms.adapt / 2


def test_without_steps_there_is_one_loss(client: Client) -> None:
    only, answer = client.adapt_events(FOLDER, steps=0)
    assert isinstance(only, StepEvent)
    assert isinstance(answer, AdaptAnswer)
    assert (only.step, only.steps, [only.loss]) == (0, 0, answer.loss_curve)


def test_versions_come_as_events_too(server: Server) -> None:
    model = adapt(server.url, steps=2).json()
    url = f"{server.url}/models/{model['id']}/versions"
    with httpx.Client() as http, connect_sse(http, "POST", url, data={"remove": "0"}) as source:
        assert [event.event for event in source.iter_sse()] == ["step", "step", "step", "done"]


@pytest.mark.usefixtures("unharmed")
def test_an_error_before_it_begins_is_a_plain_problem(server: Server, client: Client) -> None:
    answer = httpx.post(
        f"{server.url}/adapt", files=[("images", ("a.png", b"x"))], data={"labels": "a"}, headers=EVENTS
    )
    problem(answer, 422, "too-few-classes")
    with pytest.raises(APIError) as caught:
        list(client.adapt_events([("a", SUPPORT[0]), ("b", b"x")]))
    assert (caught.value.problem.type, caught.value.problem.index) == ("/problems/image-unreadable", 1)


def test_an_error_while_it_adapts_is_the_last_event(tmp_path: Path) -> None:
    server = Server(tmp_path, compute_seconds=0.5, max_steps=500)
    server.start()
    form = {"data": labels(SUPPORT) | {"steps": ["500"]}, "files": images(SUPPORT)}
    with httpx.Client() as http, connect_sse(http, "POST", f"{server.url}/adapt", **form) as source:
        *steps, last = source.iter_sse()
    with Client(server.url) as client, pytest.raises(APIError) as caught:
        list(client.adapt_events(FOLDER, steps=500))
    assert server.models() == []
    server.stop()
    assert {step.event for step in steps} == {"step"}
    assert last.event == "error"
    told = json.loads(last.data)
    assert (told["type"], told["request_id"]) == (
        "/problems/compute-timeout",
        source.response.headers["x-request-id"],
    )
    assert (caught.value.problem.type, caught.value.problem.status) == (told["type"], 504)


def test_a_client_that_leaves_ends_the_adaptation_and_nothing_is_kept(server: Server, client: Client) -> None:
    before = server.models()
    for event in client.adapt_events(FOLDER, steps=100):
        assert isinstance(event, StepEvent)
        break
    assert client.adapt(FOLDER, steps=0).id  # the engine has got over it
    wait_until(lambda: len(server.models()) == len(before) + 1)
    time.sleep(0.2)
    assert len(server.models()) == len(before) + 1


def test_the_async_client_has_them_too(server: Server) -> None:
    async def run() -> list[StepEvent | AdaptAnswer]:
        async with AsyncClient(server.url) as client:
            with pytest.raises(APIError):
                [event async for event in client.adapt_events([("a", SUPPORT[0])])]
            return [event async for event in client.adapt_events(FOLDER, steps=3)]

    *steps, answer = asyncio.run(run())
    assert len(steps) == 4
    assert isinstance(answer, AdaptAnswer)
