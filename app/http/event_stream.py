"""An adaptation as server-sent events: the loss after each step while it goes on, then what came of it."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import aclosing, suppress
from typing import Any, TypeAlias

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.sse import EventSourceResponse, format_sse_event
from pydantic import BaseModel

from app.errors import AppError
from app.http import problems
from app.http.disconnects import while_connected
from app.service.idempotency import REPLAYED, Replay
from kshot.types import AdaptAnswer, StepEvent

log = structlog.stdlib.get_logger("kshot.events")

Tell: TypeAlias = Callable[[StepEvent], None]
"""May be called from any thread."""
Adapt: TypeAlias = Callable[[Tell], Coroutine[Any, Any, AdaptAnswer]]
Event: TypeAlias = StepEvent | AdaptAnswer

HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}  # the latter for nginx, which would hold them back
EXAMPLE = 'event: step\ndata: {"step": 0, "steps": 5, "loss": 0.0925}\n\nevent: done\ndata: {"id": "…", …}\n\n'
_TEXT = {"schema": {"type": "string"}}
MADE: dict[int | str, dict[str, Any]] = {
    201: {
        "description": "The model. To a request that came again with its Idempotency-Key: the first answer.",
        "headers": {
            "Location": {"description": "Its path.", **_TEXT},
            REPLAYED: {"description": "`true`, if it is the answer to an earlier request.", **_TEXT},
        },
    },
    200: {
        "description": "For a client that accepts events: a `step` (StepEvent) before the first step and after each, "
        "then `done` with what is otherwise the body of 201, or `error` with a problem. What is wrong with "
        "the request itself, and a full queue, are answered as they are without events. An answer that was given "
        "before is `done` alone.",
        "content": {EventSourceResponse.media_type: {**_TEXT, "example": EXAMPLE}},
    },
}


def nobody(event: StepEvent) -> None:
    """A Tell that tells nobody."""


async def made(request: Request, response: Response, adapt: Adapt) -> AdaptAnswer | Response:
    """The model that `adapt` makes, with its Location; or events on the way there, if the client accepts them."""
    if EventSourceResponse.media_type in request.headers.get("accept", ""):
        events = _events(adapt)
        first = await while_connected(request, _next(events))
        return EventSourceResponse(_sent(request.app, first, events), headers=HEADERS | _replayed(first))
    answer = await while_connected(request, adapt(nobody))
    response.headers.update({"Location": f"/models/{answer.id}", **_replayed(answer)})
    return answer


def _replayed(answer: Event) -> dict[str, str]:
    return {REPLAYED: "true"} if isinstance(answer, Replay) else {}


async def _events(adapt: Adapt) -> AsyncGenerator[Event]:
    """Each step, and the answer at last. Raises what `adapt` raises; closing it cancels `adapt`."""
    loop, queue = asyncio.get_running_loop(), asyncio.Queue[StepEvent | None]()

    def tell(event: StepEvent) -> None:
        with suppress(RuntimeError):  # its loop is closed: nobody waits
            loop.call_soon_threadsafe(queue.put_nowait, event)

    task = asyncio.ensure_future(adapt(tell))
    task.add_done_callback(lambda _: queue.put_nowait(None))
    try:
        last = -1
        while event := await queue.get():
            if event.step > last and math.isfinite(event.loss):  # a batch may be tried again by halves, or diverge
                yield event
                last = event.step
        yield await task
    finally:
        task.cancel()


async def _next(events: AsyncGenerator[Event]) -> Event:
    try:
        return await anext(events)
    except BaseException:
        await events.aclose()
        raise


async def _sent(app: FastAPI, first: Event, rest: AsyncGenerator[Event]) -> AsyncGenerator[bytes]:
    """As they go over the wire."""
    async with aclosing(rest):
        yield _wire(first)
        try:
            async for event in rest:
                yield _wire(event)
        except AppError as error:
            yield _failed(app, problems.refused(error))
        except Exception:
            log.exception("unexpected error")
            yield _failed(app, problems.unexpected())


def _wire(event: BaseModel) -> bytes:
    kind = "step" if isinstance(event, StepEvent) else "done"
    return format_sse_event(event=kind, data_str=event.model_dump_json())


def _failed(app: FastAPI, problem: problems.ProblemResponse) -> bytes:
    problem.count(app)
    return format_sse_event(event="error", data_str=bytes(problem.body).decode())
