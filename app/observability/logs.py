"""Structured logs: one line an event, each with the id of the request it belongs to."""

from __future__ import annotations

import logging
import sys
from typing import Any

import structlog

from app.settings import Settings

MAX_FRAMES = 20


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
