"""GET and DELETE /models."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, status
from fastapi.exceptions import RequestValidationError

from app.http.problems import documented
from app.http.routes.dependencies import ModelId, TheService, TheTenant
from app.service import manage
from kshot.types import Deleted, Model, ModelPage

router = APIRouter(prefix="/models", tags=["models"])


@router.get("", summary="List adapted models, newest first", responses=documented(422, 503))
async def list_models(
    service: TheService,
    tenant: TheTenant,
    limit: Annotated[int, Query(ge=1, le=1000, description="How many to list.")] = 100,
    cursor: Annotated[
        str | None, Query(pattern="^[0-9a-f]{32}$", description="next_cursor of the page before.")
    ] = None,
) -> ModelPage:
    """Page through the models that are kept."""
    return await manage.list_models(service, tenant, limit, cursor)


@router.delete("", summary="Delete all adapted models", responses=documented(422, 503))
async def delete_models(
    service: TheService,
    tenant: TheTenant,
    everything: Annotated[bool, Query(alias="all", description="Has to be true.")] = False,
) -> Deleted:
    """They cannot be brought back, and their images and what is remembered of requests for them go too.

    Where API keys are asked for, these are the models of the key's tenant.
    """
    if not everything:
        remedy = "send all=true to delete all models; DELETE /models/{id} deletes one"
        raise RequestValidationError([{"type": "missing_all", "loc": ("query", "all"), "msg": remedy, "input": None}])
    return await manage.delete_all(service, tenant)


@router.get("/{model_id}", summary="Show an adapted model", responses=documented(404, 500, 503))
async def show_model(model_id: ModelId, service: TheService, tenant: TheTenant) -> Model:
    """What /adapt answered for it."""
    return await manage.show(service, tenant, model_id)


@router.delete(
    "/{model_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Delete an adapted model",
    responses=documented(404, 503),
)
async def delete_model(model_id: ModelId, service: TheService, tenant: TheTenant) -> None:
    """It cannot be brought back, and its images go with it."""
    await manage.delete(service, tenant, model_id)
