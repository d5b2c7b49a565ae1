"""Classify images with a model."""

from __future__ import annotations

from app.api.forms import PredictForm
from app.engine.work import PredictWork
from app.service import answers
from app.service.service import Service
from app.store import Stored
from app.tenants.tenant import Tenant
from kshot.predictions import PredictAnswer, PredictTimings
from kshot.problem import FieldProblem
from models.initializations.adapted import Adapted

FEW = 1000  # scores, which take a fraction of a millisecond to write


async def predict(service: Service, tenant: Tenant, form: PredictForm) -> PredictAnswer:
    """Return what a model of the tenant says about each image. Raises AppError."""
    service.engine.require_ready()
    async with service.model_library.of(tenant.name).using(form.model_id) as stored:
        return await _predict(service, tenant, form, stored)


async def _predict(service: Service, tenant: Tenant, form: PredictForm, stored: Stored) -> PredictAnswer:
    model = stored.record
    name = model.checkpoint.name
    checkpoint = service.checkpoints.matching(model.id, name, model.checkpoint.digest)
    watch = service.stopwatch(name)
    with service.engine.expecting(), watch("decode"):
        read = await service.reader.queries(form, checkpoint.metadata.input)
    adapted = Adapted(dict(stored.tensors))
    work = PredictWork(checkpoint=name, images=read.images, adapted=adapted, transductive=form.transductive)
    said = await service.run(work, tenant, watch)
    given = read.uploads, said, model, checkpoint.metadata.calibration, form.top_k, form.coverage
    # In a thread: a thousand images with a hundred labels each take as long as many requests.
    few = said.probabilities.numel() <= FEW and not form.coverage  # whose sets torch finds
    predictions = answers.predictions(*given) if few else await service.workers.run(answers.predictions, *given)
    return PredictAnswer(
        model_id=model.id,
        checkpoint=answers.checkpoint_reference(model.checkpoint),
        predictions=predictions,
        transductive=form.transductive,
        warnings=[answers.image_warning(image) for image in read.warnings],
        errors=[FieldProblem(**fault.entry) for fault in read.faults],
        timings_ms=PredictTimings(**watch.ms),
    )
