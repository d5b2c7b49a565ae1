"""The use cases: adapt to a support set, predict with what came of it, and look after what is kept."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from copy import copy
from functools import partial
from typing import BinaryIO, TypeVar

from anyio import to_thread

from app import errors
from app.api.forms import AdaptForm, Choices, PredictForm, VersionForm
from app.engine.engine import Engine
from app.engine.work import HOST, PredictWork, Work
from app.http.event_stream import Tell, nobody
from app.inputs import support_archive
from app.inputs.reader import Reader
from app.observability.metrics import Metrics
from app.observability.stopwatch import Observe, Stopwatch
from app.service import answers, editing, model_answers
from app.service.adaptation import Task, check_steps
from app.service.blocking import Blocking
from app.service.stored_models import StoredModels
from app.settings import Settings
from app.store import Put, Store, Stored, Usage
from app.store.cache import ModelCache
from app.store.records import ModelRecord
from kshot.types import (
    AdaptAnswer,
    AdaptTimings,
    CheckpointInfo,
    ExportFormat,
    Model,
    ModelPage,
    Names,
    PredictAnswer,
    PredictTimings,
    StepEvent,
    SupportImages,
)
from models.errors import SupportError
from models.export.onnx_file import build_onnx
from models.export.safetensors_file import build_safetensors
from models.learner import Adapted
from models.parameters import move

T = TypeVar("T")
FEW = 1000  # scores, which take a fraction of a millisecond to tell


class Service:
    """What the routes call. Files and all but the smallest decoding are left to worker threads, torch to the engine."""

    def __init__(
        self,
        settings: Settings,
        engine: Engine,
        store: Store,
        metrics: Metrics | None = None,
        observers: Sequence[Observe] = (),
    ) -> None:
        self.settings = settings
        self.engine = engine
        self.store = store
        self.tenant = ""
        self.observers = observers
        self.reader = Reader(settings)
        self.reads, self.writes = Blocking(settings.store_seconds), Blocking(settings.store_seconds)
        self.models = StoredModels(store, engine.checkpoints, self.reads)
        pinned = settings.pin.split(",")
        self.cache = ModelCache(self.models, settings.cache_bytes, store.fresh_seconds, pinned, metrics)
        self.checkpoints = engine.checkpoints

    def of(self, tenant: str) -> Service:
        """The same for a tenant, who sees no other's models."""
        view = copy(self)
        view.tenant, view.store = tenant, self.store.of(tenant)
        return view

    async def adapt(self, form: AdaptForm, tell: Tell = nobody, put: Put | None = None) -> AdaptAnswer:
        """Makes a model and keeps it, by `put` or as the store does; `tell`s of each step. Raises AppError."""
        self.engine.require_ready()
        name, checkpoint = self.checkpoints.named(form.checkpoint)
        check_steps(form.steps or 0, self.settings)
        watch = Stopwatch(name, self.observers)
        with self.engine.expecting(), watch("decode"):
            support, images = await self.reader.support(form, checkpoint.metadata.input)
        choices = Choices(**form.model_dump(include=set(Choices.model_fields)))
        return await self._make(Task(name, checkpoint, support, images, choices, form.name), watch, tell, put)

    async def revise(
        self, model_id: str, form: VersionForm, tell: Tell = nobody, put: Put | None = None
    ) -> AdaptAnswer:
        """As `adapt`, of another model's images, less some and with others. Raises AppError."""
        check_steps(form.steps or 0, self.settings)
        parent, file = await self._images(model_id)
        checkpoint = self.checkpoints.matching(parent.id, parent.checkpoint.name, parent.checkpoint.digest)
        spec = checkpoint.metadata.input
        watch = Stopwatch(parent.checkpoint.name, self.observers)
        with self.engine.expecting(), watch("decode"):
            left = editing.without(await self.reader.unpack(file, parent, spec), form)
            adds = form.images or form.labels or form.archive
            added = await self.reader.support(form, spec, least_classes=1) if adds else None
        support, images = editing.joined(left, added, self.settings)
        choices = editing.choices(form, left.choices)
        title = form.name or parent.name
        task = Task(parent.checkpoint.name, checkpoint, support, images, choices, title, parent)
        return await self._make(task, watch, tell, put)

    async def _make(self, task: Task, watch: Stopwatch, tell: Tell, put: Put | None) -> AdaptAnswer:
        work = task.work(self.settings, tell)
        keep = self.settings.keep_images if task.choices.keep_images is None else task.choices.keep_images
        try:
            done, packed = await asyncio.gather(self._run(work, watch), self._packed(task, keep))
        except SupportError as error:
            field = "archive" if task.support.uploads[0].field == "archive" else "labels"
            raise errors.SupportUnsuitable(str(error), field=field) from error
        answers.check_finite(done)
        tell(StepEvent(step=work.steps, steps=work.steps, loss=done.losses[-1]))
        record = task.record(work, done, keep, self.settings)
        with watch("store"):
            record = await self._keep(Stored(record, done.adapted.tensors), packed, put or self.store.put)
        return AdaptAnswer(**dict(model_answers.model_answer(record)), timings_ms=AdaptTimings(**watch.ms))

    async def predict(self, form: PredictForm) -> PredictAnswer:
        """Classifies images with a model. Raises AppError."""
        self.engine.require_ready()
        async with self._using(form.model_id) as stored:
            return await self._predict(form, stored)

    async def _predict(self, form: PredictForm, stored: Stored) -> PredictAnswer:
        model = stored.record
        checkpoint = self.checkpoints.matching(model.id, model.checkpoint.name, model.checkpoint.digest)
        watch = Stopwatch(model.checkpoint.name, self.observers)
        with self.engine.expecting(), watch("decode"):
            queries, images = await self.reader.queries(form.images, checkpoint.metadata.input)
        work = PredictWork(
            checkpoint=model.checkpoint.name,
            images=images,
            adapted=Adapted(dict(stored.tensors)),
            transductive=form.transductive,
        )
        said = await self._run(work, watch)
        told = partial(answers.predictions, queries, said, checkpoint, model.classes, form.top_k)
        # In a thread: a thousand images with a hundred labels each take as long as many requests.
        predictions = told() if said.probabilities.numel() <= FEW else await to_thread.run_sync(told)
        return PredictAnswer(
            model_id=model.id,
            checkpoint=model_answers.checkpoint_reference(model.checkpoint),
            predictions=predictions,
            transductive=form.transductive,
            timings_ms=PredictTimings(**watch.ms),
        )

    async def _run(self, work: Work[T], watch: Stopwatch) -> T:
        """What the engine makes of it."""
        start = time.perf_counter()
        done = await self.engine.run(work, self.tenant)
        watch.follow(start, queue=done.queue_ms, encode=done.encode_ms, **{work.kind: done.compute_ms})
        return done.value

    def list_checkpoints(self) -> list[CheckpointInfo]:
        """Return what is known of each checkpoint. Raises NotReady."""
        self.engine.require_ready()
        learners, default = self.checkpoints.learners, self.checkpoints.default
        return [answers.describe(name, each.checkpoint, name == default) for name, each in learners.items()]

    async def describe(self, model_id: str) -> Model:
        """A model, without its weights. Raises ModelNotFound."""
        return model_answers.model_answer(await self.reads.run(self.store.describe, model_id))

    async def rename(self, model_id: str, names: Names) -> Model:
        """A model by other names, its weights as they are. Raises AppError."""
        record = await self.writes.run(self.store.update, model_id, partial(editing.renamed, names=names))
        self.cache.drop((self.tenant, model_id))
        return model_answers.model_answer(record)

    async def images(self, model_id: str) -> SupportImages:
        """What a model was adapted to. Raises ModelNotFound or ImagesNotKept."""
        model, file = await self._images(model_id)
        return SupportImages(images=await self.reads.run(support_archive.listed, file, model))

    async def image(self, model_id: str, index: int) -> bytes:
        """One of these images, as a file of kept.MEDIA_TYPE. Raises ImageUnknown too."""
        model, file = await self._images(model_id)
        found = await self.reads.run(support_archive.picture, file, model, index)
        if found is None:
            raise errors.ImageNotThere(f"Model {model_id} has no image {index}. See its /images.", field="index")
        return found

    async def export(self, model_id: str, form: ExportFormat) -> bytes:
        """One file that runs elsewhere. Raises AppError."""
        self.engine.require_ready()
        build = build_onnx if form == "onnx" else build_safetensors
        async with self._using(model_id) as stored:
            about = {"model": model_answers.model_summary(stored.record).model_dump_json()}
            adapted = Adapted(move(dict(stored.tensors), HOST))
            model = stored.record
            checkpoint = self.checkpoints.matching(model.id, model.checkpoint.name, model.checkpoint.digest)
            given = checkpoint, adapted, model.classes, about
            return await to_thread.run_sync(build, *given)

    async def delete(self, model_id: str) -> None:
        """Raises ModelNotFound."""
        await self.writes.run(self.store.delete, model_id)
        self.cache.drop((self.tenant, model_id))

    async def page(self, limit: int, cursor: str | None) -> ModelPage:
        """Models, newest first."""
        records, next_cursor = await self.reads.run(self.store.page, limit, cursor)
        return ModelPage(models=[model_answers.model_summary(each) for each in records], next_cursor=next_cursor)

    async def usage(self) -> Usage:
        """What the tenant's models take."""
        return await self.reads.run(self.store.usage)

    async def _packed(self, task: Task, keep: bool) -> bytes | None:
        spec = task.checkpoint.metadata.input
        return await self.reader.pack(task.support, task.images, task.choices, spec) if keep else None

    async def _keep(self, stored: Stored, images: bytes | None, put: Put) -> ModelRecord:
        """The record that is kept: another server's, if that was quicker to keep the same."""
        kept = await self.writes.run(put, stored, images)
        self.cache.put((self.tenant, kept.record.id), await to_thread.run_sync(self.models.on_device, kept))
        return kept.record

    def _using(self, model_id: str) -> AbstractAsyncContextManager[Stored]:
        """Yield a model by whose weights on the device to compute. Raises ModelNotFound or ModelDamaged."""
        return self.cache.using((self.tenant, model_id))

    async def _images(self, model_id: str) -> tuple[ModelRecord, BinaryIO]:
        """A model and the file of its images. Raises ModelNotFound or ImagesNotKept."""
        model = await self.reads.run(self.store.describe, model_id)
        if not model.images_kept:
            detail = f"Model {model_id} was made without keep_images. Send all images to /adapt again, to keep them."
            raise errors.ImagesNotKept(detail, field="model_id")
        return model, await self.reads.run(self.store.images, model_id)
