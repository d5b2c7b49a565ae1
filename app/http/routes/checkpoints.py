"""GET /checkpoints."""

from __future__ import annotations

from fastapi import APIRouter

from app.http.problems import documented
from app.http.routes.dependencies import TheService
from app.service import manage
from kshot.types import Checkpoints

router = APIRouter(tags=["checkpoints"])


@router.get("/checkpoints", summary="List the checkpoints to adapt from", responses=documented(503))
async def list_checkpoints(service: TheService) -> Checkpoints:
    """The meta-initializations this server has loaded."""
    return Checkpoints(checkpoints=manage.list_checkpoints(service))
