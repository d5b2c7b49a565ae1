"""GET /models/{id}/export."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from app.http.openapi import BINARY
from app.http.problems import documented
from app.http.routes.dependencies import ModelId, TheService, TheTenant
from app.service import manage
from kshot.types import ExportFormat

router = APIRouter(prefix="/models/{model_id}", tags=["models"])
MEDIA_TYPE = "application/octet-stream"


@router.get(
    "/export",
    summary="Take a model with you, as one file",
    response_class=Response,
    responses={
        200: {"content": {MEDIA_TYPE: BINARY}, "description": "The file."},
        **documented(404, 409, 422, 500, 503),
    },
)
async def export_model(
    model_id: ModelId,
    service: TheService,
    tenant: TheTenant,
    form: Annotated[
        ExportFormat, Query(alias="format", description="`onnx` runs as it is; `json` says of it what it says itself.")
    ] = "onnx",
) -> Response:
    """Encoder, adapted weights, head and labels, and in its metadata how to prepare a picture.

    The ONNX file takes `images`, uint8 [B, C, size, size], and gives `probabilities` [B, N], and if the checkpoint can
    tell, `familiarity` [B] and `known` [B]. The JSON has its labels and preparation, for runtimes that read no
    metadata, such as onnxruntime-web. The safetensors file has the weights, for a runtime of one's own.
    """
    headers = {"Content-Disposition": f'attachment; filename="{model_id}.{form}"'}
    file = await manage.export(service, tenant, model_id, form)
    return Response(file, media_type=MEDIA_TYPE, headers=headers)
