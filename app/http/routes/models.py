"""GET and DELETE /models."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, status

from app.http.problems import documented
from app.http.routes.dependencies import ModelId, TheService
from kshot.types import Model, ModelPage

router = APIRouter(prefix="/models", tags=["models"])


@router.get("", summary="List adapted models, newest first", responses=documented(422, 503))
async def list_models(
    service: TheService,
    limit: Annotated[int, Query(ge=1, le=1000, description="How many to list.")] = 100,
    cursor: Annotated[
        str | None, Query(pattern="^[0-9a-f]{32}$", description="next_cursor of the page before.")
    ] = None,
) -> ModelPage:
    """Pages through the models that are kept."""
    return await service.page(limit, cursor)


@router.get("/{model_id}", summary="Show an adapted model", responses=documented(404, 500, 503))
async def show_model(model_id: ModelId, service: TheService) -> Model:
    """What /adapt answered for it."""
    return await service.describe(model_id)


@router.delete(
    "/{model_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Delete an adapted model",
    responses=documented(404, 503),
)
async def delete_model(model_id: ModelId, service: TheService) -> None:
    """For ever."""
    await service.delete(model_id)
