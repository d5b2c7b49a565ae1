"""Say which of a pool of unlabelled pictures to label next; nothing of the pool is kept."""

from __future__ import annotations

from heapq import nlargest
from operator import itemgetter

from app.api.forms import RankForm
from app.engine.work import Ranked, RankWork
from app.inputs.decoding import Usable
from app.inputs.kinds.interface import check_classifies
from app.service import answers
from app.service.service import AskedModel, Service
from app.store.records import ModelRecord
from app.tenants.tenant import Tenant
from kshot.labelling.ranking import RankedPicture, Ranking
from kshot.predictions import PredictTimings, Score
from kshot.problem import FieldProblem, FileLeftOut


async def rank(service: Service, tenant: Tenant, model_id: str, form: RankForm) -> Ranking:
    """Return what a model of the tenant says about each picture, and their order. Raises AppError."""
    async with service.asking(tenant, model_id, form) as asked:
        return await _rank(service, tenant, form, asked)


async def _rank(service: Service, tenant: Tenant, form: RankForm, asked: AskedModel) -> Ranking:
    model, checkpoint, watch = asked.record, asked.checkpoint, asked.watch
    check_classifies(checkpoint, model.checkpoint.name)
    with service.engine.expecting(), watch("decode"):
        read, pool = await service.reader.pool(form, checkpoint.metadata.input)
    shots = [model.shots[label] for label in model.classes]
    work = RankWork(checkpoint=model.checkpoint.name, images=read.images, adapted=asked.adapted, shots=shots)
    ranked = await service.run(work, tenant, watch)
    pictures = await service.workers.run(_pictures, read, ranked, model, form.top_k)
    return Ranking(
        model_id=model.id,
        checkpoint=answers.checkpoint_reference(model.checkpoint),
        pictures=pictures,
        order=[read.uploads[place].index for place in ranked.order],
        left_out=[FileLeftOut(filename=each.filename, reason=each.reason) for each in pool.left_out],
        errors=[FieldProblem(**fault.entry) for fault in read.faults],
        warnings=[answers.image_warning(image) for image in read.warnings],
        timings_ms=PredictTimings(**watch.ms),
    )


def _pictures(read: Usable, ranked: Ranked, model: ModelRecord, top_k: int) -> list[RankedPicture]:
    """Return what is said of each picture, in the order in which they came."""
    said = ranked.answers
    known = [None] * len(read.uploads) if said.looks.known is None else said.looks.known.tolist()
    ranks = {place: number for number, place in enumerate(ranked.order)}
    pictures = []
    for place, (upload, row) in enumerate(zip(read.uploads, said.probabilities.tolist(), strict=True)):
        best = nlargest(top_k, zip(row, model.classes, strict=True), key=itemgetter(0))
        top = [Score(label=label, score=score) for score, label in best]
        first = ranked.groups[place]
        pictures.append(
            RankedPicture(
                **dict(top[0]),
                index=upload.index,
                filename=upload.filename,
                known=known[place],
                rank=ranks[place],
                copy_of=None if first == place else read.uploads[first].index,
                top=top,
            )
        )
    return pictures
