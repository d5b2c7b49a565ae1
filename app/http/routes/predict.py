"""POST /predict."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request

from app.api.forms import PredictForm
from app.http.access import check_shared
from app.http.disconnects import while_connected
from app.http.forms.form_requests import reads
from app.http.openapi import takes
from app.http.problems import documented
from app.http.routes.dependencies import TheService, TheTenant
from app.service import predict as classify
from kshot.predictions import PredictAnswer

router = APIRouter(tags=["adapt and predict"])


@router.post(
    "/predict",
    summary="Classify images with an adapted model",
    responses=documented(400, 404, 408, 409, 413, 415, 422, 429, 500, 503, 504),
    openapi_extra=takes(PredictForm),
)
async def predict(
    form: Annotated[PredictForm, Depends(reads(PredictForm))],
    service: TheService,
    tenant: TheTenant,
    request: Request,
) -> PredictAnswer:
    """Classify each image by itself, whatever else is in the request, unless `transductive` is set."""
    check_shared(request, form.model_id)
    return await while_connected(request, classify.predict(service, tenant, form))
