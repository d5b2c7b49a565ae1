"""Log, count and name every request, and answer for what nobody caught."""

from __future__ import annotations

import asyncio
import re
import time
from uuid import uuid4

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.engine.state import State
from app.errors import NotReady
from app.http import problems
from app.http.route_templates import RouteTemplates
from app.observability.metrics import Metrics

REQUEST_ID = "X-Request-ID"
log = structlog.stdlib.get_logger("kshot")


class AccessLogMiddleware:
    """ASGI middleware: give each request an id, log one line for it and count it; answer unexpected errors with 500."""

    def __init__(self, app: ASGIApp, metrics: Metrics, templates: RouteTemplates) -> None:
        self.app = app
        self.metrics = metrics
        self.templates = templates

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = _request_id(Headers(scope=scope).get(REQUEST_ID))
        # On a kept-alive connection uvicorn may start a request in the context of the last one, tenant included.
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        start, answer = time.perf_counter(), _TaggedSend(send, request_id)
        try:
            await self._handle(scope, receive, answer)
        finally:
            self._record(scope, answer.status, time.perf_counter() - start)

    async def _handle(self, scope: Scope, receive: Receive, answer: _TaggedSend) -> None:
        try:
            await self.app(scope, receive, answer)
        except asyncio.CancelledError:  # the server ends, and this request outlasts its grace
            if not answer.status:
                await problems.refused(NotReady(State.DRAINING.value))(scope, receive, answer)
            raise
        except Exception:
            log.exception("unexpected error")
            if answer.status:  # half an answer is out: let the server cut the connection
                raise
            await problems.unexpected()(scope, receive, answer)

    def _record(self, scope: Scope, status: int, seconds: float) -> None:
        ms = round(seconds * 1e3, 2)
        log.info("request", method=scope["method"], path=scope["path"], status=status, ms=ms)
        self.metrics.request(scope["method"], self.templates.of(scope), status, seconds)


class _TaggedSend:
    """A `send` that adds the request's id to the answer, and remembers the answer's status (0 before there is one)."""

    def __init__(self, send: Send, request_id: str) -> None:
        self.status = 0
        self._send = send
        self._request_id = request_id

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            MutableHeaders(scope=message)[REQUEST_ID] = self._request_id
        await self._send(message)


def _request_id(given: str | None) -> str:
    """Return the client's id if it is safe to write into a log, else a new one."""
    return given if given and re.fullmatch(r"[\w.:-]{1,128}", given, re.ASCII) else uuid4().hex
