"""GET /metrics, for Prometheus."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4

from app.http.middleware.authentication import METRICS
from app.http.problems import documented
from app.observability.metrics import Metrics
from app.threads import Workers

router = APIRouter(tags=["health"])
worker = Workers(1, "metrics")  # of its own: metrics are there even if all other threads wait for a store


@router.get(
    METRICS,
    summary="What the server does, in numbers",
    response_class=PlainTextResponse,
    responses=documented(403),
)
async def read_metrics(request: Request) -> Response:
    """In Prometheus' text format. Where there are API keys it takes one of `kshot keys add --metrics`."""
    metrics: Metrics = request.app.state.metrics
    return Response(await worker.run(metrics.text), media_type=CONTENT_TYPE_PLAIN_0_0_4)
