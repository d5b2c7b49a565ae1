"""Traces of requests, sent by OpenTelemetry to where OTEL_EXPORTER_OTLP_ENDPOINT says; without it there are none."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import structlog
from anyio import to_thread
from fastapi import FastAPI
from starlette.types import Scope

from app import __version__
from app.observability.stopwatch import Phase
from models.errors import KshotError

if TYPE_CHECKING:
    from opentelemetry.trace import Span

VARIABLES = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
UNTRACED = "/(livez|readyz|metrics)$"  # asked for every few seconds, with nothing to see
CLOSE_SECONDS = 5


class TracingUnavailable(KshotError):
    """Traces are asked for, but the packages that send them are not installed."""


def wanted() -> bool:
    """Return whether a variable says where to send traces. Raises TracingUnavailable if the packages are missing."""
    variable = next(filter(os.environ.get, VARIABLES), None)
    if variable:
        try:
            import opentelemetry.exporter.otlp.proto.http
            import opentelemetry.instrumentation.asgi
            import opentelemetry.sdk  # noqa: F401
        except ImportError as error:
            detail = f"{variable} is set, but {error.name} isn't installed: pip install 'kshot[otel]', or unset it."
            raise TracingUnavailable(detail) from error
    return variable is not None


class Tracing:
    """Makes a span for each request, and in it one for each phase.

    OpenTelemetry's own variables decide the rest, such as the sampling and the service's name.
    """

    def __init__(self) -> None:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import OTELResourceDetector, Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        ours = Resource.create({"service.name": "kshot", "service.version": __version__})
        resource = ours.merge(OTELResourceDetector().detect())
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("kshot", __version__)

    def install(self, app: FastAPI, route_of: Callable[[Scope], str]) -> None:
        """Add the ASGI middleware that begins and ends the requests' spans, named by their `route_of`."""
        from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware

        def details(scope: Scope) -> tuple[str, dict[str, str]]:
            route = route_of(scope)
            return f"{scope['method']} {route}", {"http.route": route}

        app.add_middleware(
            OpenTelemetryMiddleware,
            tracer_provider=self._provider,
            excluded_urls=UNTRACED,
            default_span_details=details,
            server_request_hook=_name,
            exclude_spans=["receive", "send"],
        )

    def phase(self, phase: Phase) -> None:
        """Make a span for a phase of the request in whose context this is called."""
        now, clock = time.time_ns(), time.perf_counter()
        start, end = (now - round((clock - each) * 1e9) for each in (phase.start, phase.end))
        about = {"kshot.checkpoint": phase.checkpoint}
        self._tracer.start_span(phase.name, start_time=start, attributes=about).end(end)

    async def close(self) -> None:
        """Send what is left, for CLOSE_SECONDS at most: the receiver may be gone."""
        last = threading.Thread(target=self._provider.shutdown, daemon=True)  # so that the process can end without it
        last.start()
        await to_thread.run_sync(last.join, CLOSE_SECONDS)


def _name(span: Span, _: Scope) -> None:
    """Put the id of the trace into the log's lines, and the id of the request into the trace."""
    known = structlog.contextvars.get_contextvars()
    span.set_attribute("kshot.request_id", known["request_id"])
    structlog.contextvars.bind_contextvars(trace_id=f"{span.get_span_context().trace_id:032x}")
