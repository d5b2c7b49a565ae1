"""Structured logs: one line an event, each with the id of the request it belongs to."""

from __future__ import annotations

import asyncio
import logging
import re
import sys
import time
from typing import Any
from uuid import uuid4

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.engine.engine import State
from app.errors import NotReady
from app.http import problems
from app.http.route_templates import Templates
from app.observability.metrics import Metrics
from app.settings import Settings

REQUEST_ID = "X-Request-ID"
MAX_FRAMES = 20
log = structlog.stdlib.get_logger("kshot")


def configure(settings: Settings) -> None:
    """Sends our events, uvicorn's and all others through one format to stderr."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[_without_extras, *_rendering(settings)],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(settings.log_level.upper())
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = name != "uvicorn.access"  # AccessLog writes a better line
    for name in ("httpx", "multipart", "python_multipart", "PIL"):
        logging.getLogger(name).setLevel(logging.WARNING)


def _without_extras(_: Any, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Leaves out what structlog and uvicorn add for their own use."""
    return {name: event[name] for name in event if name not in {"_record", "_from_structlog", "color_message"}}


def _rendering(settings: Settings) -> list[Any]:
    if settings.log_format == "console":
        plain = structlog.dev.plain_traceback
        return [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=plain)]
    # Without local variables: they are users' images, and tensors, by the hundred kilobytes.
    transform = structlog.tracebacks.ExceptionDictTransformer(show_locals=False, max_frames=MAX_FRAMES)
    return [structlog.processors.ExceptionRenderer(transform), structlog.processors.JSONRenderer()]


class AccessLog:
    """ASGI middleware: gives each request an id, logs a line for it, counts it, and answers for what nobody caught."""

    def __init__(self, app: ASGIApp, metrics: Metrics, templates: Templates) -> None:
        self.app = app
        self.metrics = metrics
        self.templates = templates

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = _request_id(Headers(scope=scope).get(REQUEST_ID))
        status = 0
        start = time.perf_counter()

        async def tagged(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[REQUEST_ID] = request_id
            await send(message)

        # On one connection uvicorn may begin a request in the context of the one before, its tenant included.
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        try:
            await self.app(scope, receive, tagged)
        except asyncio.CancelledError:  # the server ends, and this outlasts its grace
            if not status:
                await problems.refused(NotReady(State.DRAINING.value))(scope, receive, tagged)
            raise
        except Exception:
            log.exception("unexpected error")
            if status:  # half an answer is out: let the server cut the connection
                raise
            await problems.unexpected()(scope, receive, tagged)
        finally:
            elapsed = time.perf_counter() - start
            ms = round(elapsed * 1e3, 2)
            log.info("request", method=scope["method"], path=scope["path"], status=status, ms=ms)
            self.metrics.request(scope["method"], self.templates.of(scope), status, elapsed)


def _request_id(given: str | None) -> str:
    """The client's id, if it is one we can write into a log; else a new one."""
    return given if given and re.fullmatch(r"[\w.:-]{1,128}", given, re.ASCII) else uuid4().hex
