"""Write a model as one file that runs elsewhere."""

from __future__ import annotations

from app.engine.work import HOST
from app.service import answers
from app.service.service import Service
from app.tenants.tenant import Tenant
from kshot.types import ExportFormat
from models.export.onnx_file import build_onnx
from models.export.safetensors_file import build_safetensors
from models.initializations.adapted import Adapted
from models.parameters import move


async def export(service: Service, tenant: Tenant, model_id: str, kind: ExportFormat) -> bytes:
    """Return the file. Raises AppError."""
    service.engine.require_ready()
    build = build_onnx if kind == "onnx" else build_safetensors
    async with service.model_library.of(tenant.name).using(model_id) as stored:
        model = stored.record
        checkpoint = service.checkpoints.matching(model.id, model.checkpoint.name, model.checkpoint.digest)
        about = {"model": answers.model_summary(model).model_dump_json()}
        adapted = Adapted(move(dict(stored.tensors), HOST))
        return await service.workers.run(build, checkpoint, adapted, model.classes, about)
