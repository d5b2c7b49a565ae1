"""An adaptation as server-sent events: the loss after each step while it goes on, then what came of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.sse import EventSourceResponse, format_sse_event

from app.errors import AppError
from app.http import problems
from app.http.disconnects import while_connected
from app.http.progress import EventQueue
from app.service.create import Created
from kshot.types import AdaptAnswer, StepEvent

log = structlog.stdlib.get_logger("kshot.events")

REPLAYED = "Idempotent-Replayed"
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}  # the latter for nginx, which would hold them back
EXAMPLE = 'event: step\ndata: {"step": 0, "steps": 5, "loss": 0.0925}\n\nevent: done\ndata: {"id": "…", …}\n\n'
_TEXT = {"schema": {"type": "string"}}
RESPONSES: dict[int | str, dict[str, Any]] = {
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


def requested_progress(request: Request) -> EventQueue | None:
    """Return where to tell the progress to, if the client accepts events."""
    return EventQueue() if EventSourceResponse.media_type in request.headers.get("accept", "") else None


async def respond(
    request: Request, response: Response, creation: Coroutine[Any, Any, Created], progress: EventQueue | None
) -> AdaptAnswer | Response:
    """Return the model that `creation` makes, with its Location; or, with `progress`, events on the way there."""
    if progress:
        events = _events(creation, progress)
        first = await while_connected(request, _next(events))
        return EventSourceResponse(_sent(request.app, first, events), headers=HEADERS | _replayed(first.replayed))
    created = await while_connected(request, creation)
    location = f"{request.scope.get('root_path', '')}/models/{created.answer.id}"
    response.headers.update({"Location": location, **_replayed(created.replayed)})
    return created.answer


@dataclass(frozen=True)
class _Event:
    name: str
    document: StepEvent | AdaptAnswer
    replayed: bool = False

    def wire(self) -> bytes:
        return format_sse_event(event=self.name, data_str=self.document.model_dump_json())


def _replayed(replayed: bool) -> dict[str, str]:
    return {REPLAYED: "true"} if replayed else {}


async def _events(creation: Coroutine[Any, Any, Created], progress: EventQueue) -> AsyncGenerator[_Event]:
    """Yield each step, and what was created at last. Raises what `creation` raises; closing this cancels it."""
    task = asyncio.ensure_future(creation)
    task.add_done_callback(lambda _: progress.end())
    try:
        while event := await progress.get():
            yield _Event("step", event)
        created = await task
        yield _Event("done", created.answer, created.replayed)
    finally:
        task.cancel()


async def _next(events: AsyncGenerator[_Event]) -> _Event:
    try:
        return await anext(events)
    except BaseException:
        await events.aclose()
        raise


async def _sent(app: FastAPI, first: _Event, rest: AsyncGenerator[_Event]) -> AsyncGenerator[bytes]:
    """Yield the events as they go over the wire."""
    async with aclosing(rest):
        yield first.wire()
        try:
            async for event in rest:
                yield event.wire()
        except AppError as error:
            yield _failed(app, problems.refused(error))
        except Exception:
            log.exception("unexpected error")
            yield _failed(app, problems.unexpected())


def _failed(app: FastAPI, problem: problems.ProblemResponse) -> bytes:
    problem.count(app)
    return format_sse_event(event="error", data_str=bytes(problem.body).decode())
