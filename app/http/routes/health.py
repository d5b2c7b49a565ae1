"""GET /livez and /readyz, for whoever keeps the server running."""

from __future__ import annotations

from fastapi import APIRouter, Request

from app.engine.state import State
from app.errors import NotReady
from app.http.problems import documented
from app.http.routes.dependencies import TheService
from kshot.types import Health

router = APIRouter(tags=["health"])


@router.get("/livez", summary="Is the process alive?")
async def livez() -> Health:
    """Answers as soon as the port is open."""
    return Health(status="alive")


@router.get("/readyz", summary="Can it take requests?", responses=documented(503))
async def readyz(service: TheService, request: Request) -> Health:
    """Answers 503 while checkpoints load, if they cannot be loaded, and while a server that shuts down drains."""
    if request.app.state.admission.draining:
        raise NotReady(State.DRAINING.value)
    service.engine.require_ready()
    return Health(status="ready")
