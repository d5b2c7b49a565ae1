"""POST, GET and DELETE /models/{id}/shares."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, status

from app.http.problems import documented
from app.http.routes.dependencies import ModelId, TheService, TheTenant
from app.service.sharing import shares
from kshot.sharing.shares import ModelShares, NewShare, ShareOptions

router = APIRouter(prefix="/models/{model_id}/shares", tags=["models"])


@router.post(
    "",
    status_code=status.HTTP_201_CREATED,
    summary="Let others predict with a model, by a link",
    responses=documented(400, 403, 404, 408, 413, 422, 500, 503),
)
async def share_model(
    model_id: ModelId, service: TheService, tenant: TheTenant, options: ShareOptions | None = None
) -> NewShare:
    """Makes a token that may POST /predict with this model and do nothing else, and a link to a page that uses it.

    What is asked by it counts as asked by you: it takes of your requests a minute. Anything else with the token is 401,
    another model 404.
    """
    return await shares.create(service, tenant, model_id, options or ShareOptions())


@router.get("", summary="List the shares of a model", responses=documented(404, 500, 503))
async def list_shares(model_id: ModelId, service: TheService, tenant: TheTenant) -> ModelShares:
    """Those that have not expired, without their tokens, which are kept nowhere."""
    return await shares.list_shares(service, tenant, model_id)


@router.delete(
    "/{share_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Revoke a share",
    responses=documented(404, 500, 503),
)
async def revoke_share(
    model_id: ModelId,
    share_id: Annotated[str, Path(description="The share's id.", examples=["5e1f00c0ffee"])],
    service: TheService,
    tenant: TheTenant,
) -> None:
    """Its token is refused at once, by other servers on an object store within KSHOT_STORE_FRESH_SECONDS."""
    await shares.revoke(service, tenant, model_id, share_id)
