"""POST /inspect."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from app.api.forms import InspectForm
from app.http.disconnects import while_connected
from app.http.forms.form_requests import reads
from app.http.openapi import takes
from app.http.problems import documented
from app.http.routes.dependencies import TheService
from app.service.inspect import inspect
from kshot.inspection import Inspection

router = APIRouter(tags=["adapt and predict"])


@router.post(
    "/inspect",
    summary="Say what an archive or a number of images holds",
    response_model=Inspection,
    responses=documented(400, 408, 413, 415, 422, 503),
    openapi_extra=takes(InspectForm),
)
async def inspect_upload(
    form: Annotated[InspectForm, Depends(reads(InspectForm))], service: TheService, request: Request
) -> Response:
    """The classes, each picture as the network will see it, and which files are left out and why. Nothing is kept.

    Send an `archive`, or `images` with labels or without. A file that cannot be used is left out with its reason; if
    a class has no other, the request fails.
    """
    found = await while_connected(request, inspect(service, form))
    return Response(found, media_type="application/json")
