"""What becomes of a model: new versions, other names, and the images it was adapted to."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, Response, status

from app.api.forms import VersionForm
from app.http.event_stream import RESPONSES, requested_progress, respond
from app.http.forms.form_requests import reads
from app.http.openapi import BINARY, takes
from app.http.problems import documented
from app.http.routes.dependencies import ModelId, TheKey, TheService, TheTenant
from app.inputs.support_archive import MEDIA_TYPE
from app.service import manage
from app.service.create import create
from app.service.support_sources import EditedSupport
from kshot.types import AdaptAnswer, Model, Names, SupportImages

router = APIRouter(prefix="/models/{model_id}", tags=["models"])
SECONDS = 3600  # a browser may keep an image of a model, which never changes, but may be deleted


@router.post(
    "/versions",
    status_code=status.HTTP_201_CREATED,
    summary="Make a model with other images from this one",
    response_model=AdaptAnswer,
    responses={**RESPONSES, **documented(400, 403, 404, 408, 409, 413, 415, 422, 429, 500, 503, 504)},
    openapi_extra=takes(VersionForm, required=False),  # with no changes it is adapted again as it is
)
async def make_version(
    model_id: ModelId,
    form: Annotated[VersionForm, Depends(reads(VersionForm))],
    service: TheService,
    tenant: TheTenant,
    key: TheKey,
    request: Request,
    response: Response,
) -> AdaptAnswer | Response:
    """Leave out what `remove` and `remove_class` say, add `images` with `labels`, or an `archive`, and adapt anew.

    The weights are those that /adapt would make of all these images. Choices that the form doesn't make are the
    model's, and so is its name. The model itself stays as it is, until it expires or is deleted.
    As with /adapt, `Accept: text/event-stream` gives the loss step by step.
    """
    progress = requested_progress(request)
    creation = create(service, tenant, EditedSupport(model_id, form), key, progress)
    return await respond(request, response, creation, progress)


@router.patch("", summary="Rename a model and its classes", responses=documented(400, 404, 408, 413, 422, 500, 503))
async def rename_model(model_id: ModelId, names: Names, service: TheService, tenant: TheTenant) -> Model:
    """At once, and without adapting: the model keeps its id and its weights."""
    return await manage.rename(service, tenant, model_id, names)


@router.get("/images", summary="List the images of a model", responses=documented(404, 409, 500, 503))
async def list_images(model_id: ModelId, service: TheService, tenant: TheTenant) -> SupportImages:
    """What it was adapted to, in order, if they were kept (`images_kept`)."""
    return await manage.list_images(service, tenant, model_id)


@router.get(
    "/images/{index}",
    summary="Show an image of a model",
    response_class=Response,
    responses={
        200: {"content": {MEDIA_TYPE: BINARY}, "description": "The image as the network saw it."},
        **documented(404, 409, 422, 500, 503),
    },
)
async def show_image(
    model_id: ModelId,
    index: Annotated[int, Path(ge=0, description="Its place among the model's images.", examples=[0])],
    service: TheService,
    tenant: TheTenant,
) -> Response:
    """Made square and small, without loss: sent again, it is what it was."""
    headers = {"Cache-Control": f"private, max-age={SECONDS}, immutable"}
    image, media_type = await manage.show_image(service, tenant, model_id, index)
    return Response(image, media_type=media_type, headers=headers)
