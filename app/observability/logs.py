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
from structlog.typing import EventDict, Processor

from app.engine.engine import State
from app.errors import NotReady
from app.http import problems
from app.http.route_templates import Templates
from app.observability.metrics import Metrics
from app.settings import Settings

REQUEST_ID = "X-Request-ID"
MAX_FRAMES = 20
QUIET = (
    "httpx",
    "multipart",
    "python_multipart",
    "PIL",
    "uvicorn",
)  # our own lines say it better
log = structlog.stdlib.get_logger("kshot")


def configure(settings: Settings) -> None:
    """Send all events, ours, uvicorn's and other libraries', and Python's warnings, in one format to stderr.

    For the whole process, so for whoever starts it.
    """
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
    ]
    rendering = _for_people() if settings.log_format == "console" else _as_json()
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    handler = logging.StreamHandler(sys.stderr)
    formatter = structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=[_without_extras, *rendering])
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(settings.log_level.upper())
    logging.captureWarnings(True)
    for name in QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


def _without_extras(_: Any, __: str, event: EventDict) -> EventDict:
    """Leave out what structlog and uvicorn add for their own use."""
    return {name: event[name] for name in event if name not in {"_record", "_from_structlog", "color_message"}}


def _as_json() -> list[Processor]:
    # Without local variables: they are users' images, and tensors, by the hundred kilobytes.
    transform = structlog.tracebacks.ExceptionDictTransformer(show_locals=False, max_frames=MAX_FRAMES)
    return [
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.ExceptionRenderer(transform),
        structlog.processors.JSONRenderer(),
    ]


def _for_people() -> list[Processor]:
    return [
        structlog.processors.TimeStamper(fmt="%H:%M:%S", utc=False),
        structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(),
            pad_event_to=0,
            pad_level=False,
            sort_keys=False,
            exception_formatter=structlog.dev.plain_traceback,
        ),
    ]


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
