"""Make a model: for POST /adapt from the images of the request, for POST /models/{id}/versions from another model's."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, replace

from app import errors
from app.engine.work import AdaptWork, Progress
from app.service import answers
from app.service.adaptation import AdaptationTask, check_finite
from app.service.idempotency import IdempotencyKey, KeyedRequest, RequestIdentity, UnkeyedRequest
from app.service.model_library import TenantModels
from app.service.service import Service
from app.service.support_sources import SupportSource
from app.store import Stored
from app.store.records import AdaptDurations, AnswerRecord
from app.tenants.tenant import Tenant
from kshot.types import AdaptAnswer
from models.errors import SupportError
from models.export.safetensors_file import build_adapted
from models.initializations.adapted import Adaptation


@dataclass(frozen=True)
class Created:
    """The answer to a request for a model, and whether it was given before."""

    answer: AdaptAnswer
    replayed: bool = False


async def create(
    service: Service,
    tenant: Tenant,
    source: SupportSource,
    key: IdempotencyKey | None = None,
    progress: Progress | None = None,
) -> Created:
    """Make a model and keep it; or, for a request that came before with its key, return the first answer.

    `progress` is told of each inner step. Raises AppError.
    """
    models = service.model_library.of(tenant.name)
    request = await _identity(service, models, source, key)
    async with request.turn():
        if first := await request.first_answer():
            return Created(answers.adapt_answer(first), replayed=True)
        with service.quotas.reserve(tenant) as reservation:
            if tenant.has_quota:
                usage = await models.usage()
                reservation.check(usage.models, usage.bytes)
            task = await source.read(service, models)
            work = task.work(service.limits, progress)
            adaptation, images = await _adapt(service, tenant, task, work)
            record = task.record(work, adaptation, service.limits)
            with task.watch("store"):
                record = record.model_copy(update={"id": await request.claim(record.id)})
                record = await models.keep(Stored(record, adaptation.adapted.tensors), images)
        answer = AnswerRecord(**dict(record), timings_ms=AdaptDurations(**task.watch.ms))
        return Created(answers.adapt_answer(await request.remember(answer)))


async def weights(service: Service, tenant: Tenant, source: SupportSource) -> bytes:
    """Return what adapting gives as a safetensors file; nothing is kept. Raises AppError."""
    task = await source.read(service, service.model_library.of(tenant.name))
    task = replace(task, choices=task.choices.model_copy(update={"keep_images": False}))
    work = task.work(service.limits, None)
    adaptation, _ = await _adapt(service, tenant, task, work)
    record = task.record(work, adaptation, service.limits)
    told = record.model_dump_json(include={"steps", "learning_rate", "loss_curve", "support_accuracy"})
    about = {"adaptation": told, "timings_ms": json.dumps(task.watch.ms)}
    return await service.workers.run(build_adapted, task.checkpoint, adaptation.adapted, record.classes, about)


async def _identity(
    service: Service, models: TenantModels, source: SupportSource, key: IdempotencyKey | None
) -> RequestIdentity:
    if key is None:
        return UnkeyedRequest()
    return KeyedRequest(models, service.locks, key, await service.reader.fingerprint(source.form))


async def _adapt(
    service: Service, tenant: Tenant, task: AdaptationTask, work: AdaptWork
) -> tuple[Adaptation, bytes | None]:
    """Adapt, and meanwhile pack the images if they are to be kept. Raises SupportUnsuitable or Diverged too."""
    try:
        adaptation, images = await asyncio.gather(service.run(work, tenant, task.watch), _packed(service, task))
    except SupportError as error:
        came = task.support.uploads[0].field
        field = came if came in ("archive", "table") else "targets" if work.targets else "labels"
        raise errors.SupportUnsuitable(str(error), field=field) from error
    check_finite(adaptation)
    if work.progress:
        work.progress.step(work.steps, work.steps, adaptation.losses[-1])
    return adaptation, images


async def _packed(service: Service, task: AdaptationTask) -> bytes | None:
    if not task.keeps_images(service.limits):
        return None
    return await service.reader.pack(task.support, task.images, task.choices, task.checkpoint.metadata.input)
