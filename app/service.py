"""The use cases: adapt to a support set, predict with what came of it, and look after what is kept."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import BinaryIO

from anyio import to_thread
from torch import Tensor

from app import answers, errors, kept, versions
from app.cache import ModelCache, Source
from app.engine import Engine
from app.events import Tell, nobody
from app.jobs import HOST, AdaptWork, PredictWork
from app.reading import Reader
from app.schemas import (
    MAX_SKIPPED,
    AdaptAnswer,
    AdaptForm,
    AdaptTimings,
    CheckpointInfo,
    Choices,
    ExportFormat,
    Model,
    ModelPage,
    ModelSummary,
    Names,
    PredictAnswer,
    PredictForm,
    PredictTimings,
    StepEvent,
    SupportImages,
    VersionForm,
)
from app.settings import Settings
from app.stopwatch import Stopwatch
from app.store import Store, Stored, new_id
from app.uploads import SupportSet
from models.checkpoint import Checkpoint
from models.errors import SupportError
from models.export.onnx_file import build_onnx
from models.export.safetensors_file import build_safetensors
from models.learner import Adaptation, Adapted
from models.parameters import move

PHOTO_COST = 5  # what an image and step of photographs costs, in those of drawings


@dataclass(frozen=True)
class Task:
    """What /adapt or a new version is about."""

    checkpoint: str
    support: SupportSet
    images: Tensor
    choices: Choices
    name: str | None
    parent: Model | None = None


class Service:
    """What the routes call. Decoding and files are left to worker threads, torch to the engine."""

    def __init__(self, settings: Settings, engine: Engine, store: Store) -> None:
        self.settings = settings
        self.engine = engine
        self.store = store
        self.cache = ModelCache(settings.cache_bytes, store.fresh_seconds, settings.pin.split(","))
        self.reader = Reader(settings)

    async def adapt(self, form: AdaptForm, tell: Tell = nobody) -> AdaptAnswer:
        """Makes a model and keeps it; `tell`s of each step. Raises AppError."""
        name, checkpoint = self._checkpoint(form.checkpoint)
        self._check_steps(form.steps or 0)
        watch = Stopwatch()
        with self.engine.expecting(), watch("decode"):
            support, images = await self.reader.support(form, checkpoint.metadata.input)
        choices = Choices(**form.model_dump(include=set(Choices.model_fields)))
        return await self._make(Task(name, support, images, choices, form.name), watch, tell)

    async def revise(self, model_id: str, form: VersionForm, tell: Tell = nobody) -> AdaptAnswer:
        """As `adapt`, of another model's images, less some and with others. Raises AppError."""
        self._check_steps(form.steps or 0)
        parent, file = await self._images(model_id)
        spec = self._checkpoint_of(parent).metadata.input
        watch = Stopwatch()
        with self.engine.expecting(), watch("decode"):
            left = versions.without(await self.reader.unpack(file, parent, spec), form)
            adds = form.images or form.labels or form.archive
            added = await self.reader.support(form, spec, least_classes=1) if adds else None
        support, images = versions.joined(left, added, self.settings)
        choices = versions.choices(form, left.choices)
        return await self._make(
            Task(parent.checkpoint.name, support, images, choices, form.name or parent.name, parent), watch, tell
        )

    async def _make(self, task: Task, watch: Stopwatch, tell: Tell) -> AdaptAnswer:
        work = self._work(task, tell)
        keep = self.settings.keep_images if task.choices.keep_images is None else task.choices.keep_images
        try:
            done, packed = await asyncio.gather(self.engine.run(work), self._packed(task, keep))
        except SupportError as error:
            field = "archive" if task.support.uploads[0].field == "archive" else "labels"
            raise errors.SupportUnsuitable(str(error), field=field) from error
        answers.check_finite(done.value)
        tell(StepEvent(step=work.steps, steps=work.steps, loss=done.value.losses[-1]))
        model = self._model(task, work, done.value, images_kept=keep)
        with watch("store"):
            await self._keep(Stored(model, done.value.adapted.tensors), packed)
        timings = AdaptTimings(**watch.ms, queue=done.queue_ms, encode=done.encode_ms, adapt=done.compute_ms)
        return AdaptAnswer(**model.model_dump(), timings_ms=timings)

    async def predict(self, form: PredictForm) -> PredictAnswer:
        """Classifies images with a model. Raises AppError."""
        self.engine.require_ready()
        async with self._using(form.model_id) as stored:
            return await self._predict(form, stored)

    async def _predict(self, form: PredictForm, stored: Stored) -> PredictAnswer:
        model = stored.model
        checkpoint = self._checkpoint_of(model)
        watch = Stopwatch()
        with self.engine.expecting(), watch("decode"):
            queries, images = await self.reader.queries(form.images, checkpoint.metadata.input)
        work = PredictWork(
            checkpoint=model.checkpoint.name,
            images=images,
            adapted=Adapted(dict(stored.tensors)),
            transductive=form.transductive,
        )
        done = await self.engine.run(work)
        # In a thread: a thousand images with a hundred labels each take as long as many requests.
        predictions = await to_thread.run_sync(
            answers.predictions, queries, done.value, checkpoint, model.classes, form.top_k
        )
        return PredictAnswer(
            model_id=model.id,
            checkpoint=model.checkpoint,
            predictions=predictions,
            transductive=form.transductive,
            timings_ms=PredictTimings(**watch.ms, queue=done.queue_ms, encode=done.encode_ms, predict=done.compute_ms),
        )

    async def describe(self, model_id: str) -> Model:
        """A model, without its weights. Raises ModelNotFound."""
        return await to_thread.run_sync(self.store.describe, model_id)

    async def rename(self, model_id: str, names: Names) -> Model:
        """A model by other names, its weights as they are. Raises AppError."""
        model = await to_thread.run_sync(self.store.update, model_id, partial(versions.renamed, names=names))
        self.cache.drop(model_id)
        return model

    async def images(self, model_id: str) -> SupportImages:
        """What a model was adapted to. Raises ModelNotFound or ImagesNotKept."""
        model, file = await self._images(model_id)
        return SupportImages(images=await to_thread.run_sync(kept.listed, file, model))

    async def image(self, model_id: str, index: int) -> bytes:
        """One of these images, as a file of kept.MEDIA_TYPE. Raises ImageUnknown too."""
        model, file = await self._images(model_id)
        found = await to_thread.run_sync(kept.picture, file, model, index)
        if found is None:
            raise errors.ImageNotThere(f"Model {model_id} has no image {index}. See its /images.", field="index")
        return found

    async def export(self, model_id: str, form: ExportFormat) -> bytes:
        """One file that runs elsewhere. Raises AppError."""
        self.engine.require_ready()
        build = build_onnx if form == "onnx" else build_safetensors
        async with self._using(model_id) as stored:
            about = {"model": ModelSummary(**stored.model.model_dump()).model_dump_json()}
            adapted = Adapted(move(dict(stored.tensors), HOST))
            given = self._checkpoint_of(stored.model), adapted, stored.model.classes, about
            return await to_thread.run_sync(build, *given)

    async def delete(self, model_id: str) -> None:
        """Raises ModelNotFound."""
        await to_thread.run_sync(self.store.delete, model_id)
        self.cache.drop(model_id)

    async def page(self, limit: int, cursor: str | None) -> ModelPage:
        """Models, newest first."""
        models, next_cursor = await to_thread.run_sync(self.store.page, limit, cursor)
        return ModelPage(models=list(models), next_cursor=next_cursor)

    def checkpoints(self) -> list[CheckpointInfo]:
        """Those that /adapt can start from. Raises NotReady."""
        self.engine.require_ready()
        return [
            answers.describe(name, learner.checkpoint, default=name == self.settings.checkpoint)
            for name, learner in self.engine.learners.items()
        ]

    async def _packed(self, task: Task, keep: bool) -> bytes | None:
        return await self.reader.pack(task.support, task.images, task.choices) if keep else None

    async def _keep(self, stored: Stored, images: bytes | None) -> None:
        kept = await to_thread.run_sync(self.store.put, stored, images)
        self.cache.put(kept.model.id, await to_thread.run_sync(self._on_device, kept))

    def _using(self, model_id: str) -> AbstractAsyncContextManager[Stored]:
        """A model by whose weights on the device to compute. Raises ModelNotFound or ModelDamaged."""

        def load() -> Stored:
            return self._on_device(self.store.get(model_id))

        revision = partial(to_thread.run_sync, self.store.revision, model_id)
        return self.cache.using(model_id, Source(partial(to_thread.run_sync, load), revision))

    def _on_device(self, stored: Stored) -> Stored:
        """So that predictions need not move it there each time."""
        learner = self.engine.learners.get(stored.model.checkpoint.name)
        return replace(stored, tensors=move(dict(stored.tensors), learner.device)) if learner else stored

    async def _images(self, model_id: str) -> tuple[Model, BinaryIO]:
        """A model and the file of its images. Raises ModelNotFound or ImagesNotKept."""
        model = await self.describe(model_id)
        if not model.images_kept:
            detail = f"Model {model_id} was made without keep_images. Send all images to /adapt again, to keep them."
            raise errors.ImagesNotKept(detail, field="model_id")
        return model, await to_thread.run_sync(self.store.images, model_id)

    def _checkpoint(self, name: str | None) -> tuple[str, Checkpoint]:
        """The checkpoint a request names. Raises NotReady or CheckpointUnknown."""
        self.engine.require_ready()
        name = name or self.settings.checkpoint
        if name not in self.engine.learners:
            available = sorted(self.engine.learners)
            detail = f"There is no checkpoint {name!r:.60}. This server has: {', '.join(available)}."
            raise errors.CheckpointUnknown(detail, field="checkpoint", available=available)
        return name, self.engine.learners[name].checkpoint

    def _checkpoint_of(self, model: Model) -> Checkpoint:
        """What a model was adapted from. Raises CheckpointMismatch: over other weights it means nothing."""
        wanted = model.checkpoint
        learner = self.engine.learners.get(wanted.name)
        if learner is None or learner.checkpoint.digest != wanted.digest:
            detail = (
                f"Model {model.id} was adapted from checkpoint {wanted.name!r} ({wanted.digest}), "
                "which is not loaded. Start the server with that file, or adapt again."
            )
            raise errors.CheckpointMismatch(detail, field="model_id")
        return learner.checkpoint

    def _check_steps(self, steps: int) -> None:
        """Raises StepsOutOfRange."""
        if steps > self.settings.max_steps:
            detail = f"steps is {steps}; this server takes 0 to {self.settings.max_steps}."
            raise errors.StepsOutOfRange(detail, field="steps")

    def _check_compute(self, checkpoint: Checkpoint, steps: int, images: int) -> None:
        """Raises StepsOutOfRange for what could not end within compute_seconds."""
        most = self.settings.max_image_steps // (PHOTO_COST if checkpoint.metadata.encoder else 1)
        if steps * images > most:
            detail = f"steps is {steps}; with {images} images this server takes 0 to {most // images}."
            raise errors.StepsOutOfRange(detail, field="steps")

    def _work(self, task: Task, tell: Tell) -> AdaptWork:
        """Raises StepsOutOfRange."""
        checkpoint, choices, ways = self._checkpoint(task.checkpoint)[1], task.choices, len(task.support.classes)
        inner = checkpoint.metadata.inner
        steps = inner.steps_for(len(task.images), ways) if choices.steps is None else choices.steps
        self._check_compute(checkpoint, steps, len(task.images))
        return AdaptWork(
            checkpoint=task.checkpoint,
            images=task.images,
            labels=task.support.labels,
            ways=ways,
            steps=steps,
            learning_rate=choices.learning_rate or inner.learning_rate,
            observe=None if tell is nobody else lambda step, loss: tell(StepEvent(step=step, steps=steps, loss=loss)),
        )

    def _model(self, task: Task, work: AdaptWork, adaptation: Adaptation, images_kept: bool) -> Model:
        now, support = datetime.now(UTC), task.support
        ttl = task.choices.ttl_seconds or self.settings.ttl_seconds
        return Model(
            id=new_id(),
            name=task.name,
            parent=task.parent and task.parent.id,
            version=task.parent.version + 1 if task.parent else 1,
            images_kept=images_kept,
            checkpoint=answers.reference(task.checkpoint, self._checkpoint(task.checkpoint)[1]),
            classes=support.classes,
            created_at=now,
            expires_at=now + timedelta(seconds=ttl) if ttl else None,
            shots=support.shots,
            steps=work.steps,
            learning_rate=work.learning_rate,
            seed=task.choices.seed,
            loss_curve=adaptation.losses,
            support_accuracy=sum(adaptation.image_correct) / len(adaptation.image_correct),
            validation=answers.validation(adaptation),
            hardest_images=answers.hardest(support.uploads, adaptation.image_losses),
            skipped=support.skipped[:MAX_SKIPPED],
            skipped_count=len(support.skipped),
        )
