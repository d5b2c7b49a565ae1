"""POST /models/{id}/evaluate and /models/{id}/rank."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request

from app.api.forms import EvaluateForm, RankForm
from app.http.disconnects import while_connected
from app.http.forms.form_requests import reads
from app.http.openapi import takes
from app.http.problems import documented
from app.http.routes.dependencies import ModelId, TheService, TheTenant
from app.service.labelling.evaluate import evaluate
from app.service.labelling.rank import rank
from kshot.labelling.evaluation import Evaluation
from kshot.labelling.ranking import Ranking

router = APIRouter(prefix="/models/{model_id}", tags=["models"])


@router.post(
    "/evaluate",
    summary="See how a model does on labelled images that took no part",
    responses=documented(400, 404, 408, 409, 413, 415, 422, 429, 500, 503, 504),
    openapi_extra=takes(EvaluateForm),
)
async def evaluate_model(
    model_id: ModelId,
    form: Annotated[EvaluateForm, Depends(reads(EvaluateForm))],
    service: TheService,
    tenant: TheTenant,
    request: Request,
) -> Evaluation:
    """Its accuracy with an interval, the same of each class, a confusion table, and its most confident mistakes.

    Send `images` with as many `labels`, or one `archive`, as to /adapt; one class is enough. Images that the model was
    adapted to say nothing of new ones: leave them out. Nothing is kept.
    """
    return await while_connected(request, evaluate(service, tenant, model_id, form))


@router.post(
    "/rank",
    summary="Say which of a pool of images to label next",
    responses=documented(400, 404, 408, 409, 413, 415, 422, 429, 500, 503, 504),
    openapi_extra=takes(RankForm),
)
async def rank_images(
    model_id: ModelId,
    form: Annotated[RankForm, Depends(reads(RankForm))],
    service: TheService,
    tenant: TheTenant,
    request: Request,
) -> Ranking:
    """Suggests a label for each image, and an order by what labels would teach the model. Nothing is kept.

    Send `images`, or an `archive` of them. Label the first few in `order`, add them by /models/{id}/versions, and rank
    what is left with the new version.
    """
    return await while_connected(request, rank(service, tenant, model_id, form))
