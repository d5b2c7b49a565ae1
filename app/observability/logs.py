"""Structured logs: one line for each event, with the id of the request that it belongs to."""

from __future__ import annotations

import logging
import sys
from typing import Any

import structlog
from structlog.typing import EventDict, Processor

from app.settings import Settings

MAX_FRAMES = 20
# Below warnings these say nothing that our own lines don't say better.
QUIET = ("httpx", "multipart", "python_multipart", "PIL", "uvicorn")


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
