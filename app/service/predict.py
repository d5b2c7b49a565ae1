"""Classify examples with a model."""

from __future__ import annotations

from app.api.forms import PredictForm
from app.engine.work import PredictWork
from app.inputs.decoding import Usable
from app.inputs.kinds.interface import Wanted
from app.service import answers
from app.service.labelling.evidence import check_evidence, evidence
from app.service.service import AskedModel, Service
from app.tenants.tenant import Tenant
from kshot.predictions import Estimate, Evidence, PredictAnswer, Prediction, PredictTimings
from kshot.problem import FieldProblem
from models.initializations.adapted import Answers

FEW = 1000  # scores, which take a fraction of a millisecond to write


async def predict(service: Service, tenant: Tenant, form: PredictForm) -> PredictAnswer:
    """Return what a model of the tenant says about each example. Raises AppError."""
    async with service.asking(tenant, form.model_id, form) as asked:
        return await _predict(service, tenant, form, asked)


async def _predict(service: Service, tenant: Tenant, form: PredictForm, asked: AskedModel) -> PredictAnswer:
    model, checkpoint, watch = asked.record, asked.checkpoint, asked.watch
    with service.engine.expecting(), watch("decode"):
        read = await service.reader.queries(form, checkpoint.metadata.input, Wanted.by(checkpoint))
    if form.evidence:
        check_evidence(len(read.images))
    work = PredictWork(
        checkpoint=model.checkpoint.name, images=read.images, adapted=asked.adapted, transductive=form.transductive
    )
    said = await service.run(work, tenant, watch)
    estimates: list[Estimate] = []
    predictions: list[Prediction] = []
    if checkpoint.metadata.head.targets:
        estimates = answers.estimates(read.uploads, said)
    else:
        predictions = await _predictions(service, tenant, form, asked, work, read, said)
    return PredictAnswer(
        model_id=model.id,
        checkpoint=answers.checkpoint_reference(model.checkpoint),
        predictions=predictions,
        estimates=estimates,
        transductive=form.transductive,
        warnings=[answers.image_warning(image) for image in read.warnings],
        errors=[FieldProblem(**fault.entry) for fault in read.faults],
        timings_ms=PredictTimings(**watch.ms),
    )


async def _predictions(
    service: Service,
    tenant: Tenant,
    form: PredictForm,
    asked: AskedModel,
    work: PredictWork,
    read: Usable,
    said: Answers,
) -> list[Prediction]:
    """Return what a classifier says of each example."""
    model, checkpoint = asked.record, asked.checkpoint
    shown: list[Evidence | None] = [None] * len(read.images)
    if form.evidence:
        with asked.watch("evidence"):
            labels = said.probabilities.argmax(dim=1).tolist()
            shown = await evidence(service, tenant, work, labels, checkpoint.metadata.input)
    given = read.uploads, said, model, checkpoint.metadata.calibration, form.top_k, form.coverage
    # In a thread: a thousand images with a hundred labels each take as long as many requests.
    few = said.probabilities.numel() <= FEW and not form.coverage  # whose sets torch finds
    predictions = answers.predictions(*given) if few else await service.workers.run(answers.predictions, *given)
    for prediction, seen in zip(predictions, shown, strict=True):
        prediction.evidence = seen
    return predictions
