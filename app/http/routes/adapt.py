"""POST /adapt."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response, status

from app.api.forms import AdaptForm
from app.http.disconnects import while_connected
from app.http.event_stream import RESPONSES, requested_progress, respond
from app.http.forms.form_requests import reads
from app.http.openapi import BINARY, takes
from app.http.problems import documented
from app.http.routes.dependencies import TheKey, TheService, TheTenant
from app.service.create import create, weights
from app.service.support_sources import UploadedSupport
from kshot.types import AdaptAnswer

router = APIRouter(tags=["adapt and predict"])
MEDIA_TYPE = "application/octet-stream"
WEIGHTS = RESPONSES[200] | {
    "description": f"{RESPONSES[200]['description']} For `keep=false`: `parameters.<name>`, the adapted weights in "
    "full precision, with the steps' losses and the checkpoint's metadata in the header.",
    "content": {**RESPONSES[200]["content"], MEDIA_TYPE: BINARY},
}
"""Without a model: events of one on its way, or weights."""


@router.post(
    "/adapt",
    status_code=status.HTTP_201_CREATED,
    summary="Make a classifier from a few labelled images",
    response_model=AdaptAnswer,
    responses={**RESPONSES, 200: WEIGHTS, **documented(400, 403, 408, 413, 415, 422, 429, 503, 504)},
    openapi_extra=takes(AdaptForm),
)
async def adapt(
    form: Annotated[AdaptForm, Depends(reads(AdaptForm))],
    service: TheService,
    tenant: TheTenant,
    key: TheKey,
    request: Request,
    response: Response,
) -> AdaptAnswer | Response:
    """Adapt a checkpoint to your images and keep the result under an id, for /predict.

    Send `images` with as many `labels`, in the same order, or one `archive`: a zip with a folder of images
    for each class. If one image cannot be used the whole request fails, and nothing is kept.

    With `keep=false` nothing is kept, and the answer is a safetensors file of the adapted weights. An
    Idempotency-Key has no effect then: a retry computes them again.

    With `Accept: text/event-stream` the loss comes step by step while it adapts.
    """
    if not form.keep:
        file = await while_connected(request, weights(service, tenant, UploadedSupport(form)))
        return Response(file, media_type=MEDIA_TYPE)
    progress = requested_progress(request)
    creation = create(service, tenant, UploadedSupport(form), key, progress)
    return await respond(request, response, creation, progress)
