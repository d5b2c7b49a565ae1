"""The use cases: adapt to a support set, predict with what came of it, and look after what is kept."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from anyio import to_thread

from app import answers, errors
from app.cache import ModelCache
from app.engine import Engine
from app.jobs import AdaptWork, PredictWork
from app.reading import Reader
from app.schemas import (
    MAX_SKIPPED,
    AdaptAnswer,
    AdaptForm,
    AdaptTimings,
    CheckpointInfo,
    Model,
    ModelPage,
    PredictAnswer,
    PredictForm,
    PredictTimings,
)
from app.settings import Settings
from app.stopwatch import Stopwatch
from app.store import Store, Stored, is_expired, new_id
from app.uploads import SupportSet
from models.checkpoint import Checkpoint
from models.errors import SupportError
from models.learner import Adaptation, Adapted

PHOTO_COST = 5  # what an image and step of photographs costs, in those of drawings


class Service:
    """What the routes call. Decoding and files are left to worker threads, torch to the engine."""

    def __init__(self, settings: Settings, engine: Engine, store: Store) -> None:
        self.settings = settings
        self.engine = engine
        self.store = store
        self.cache = ModelCache(settings.cache_bytes)
        self.reader = Reader(settings)

    async def adapt(self, form: AdaptForm) -> AdaptAnswer:
        """Makes a model and keeps it. Raises AppError."""
        name, checkpoint = self._checkpoint(form.checkpoint)
        inner = checkpoint.metadata.inner
        self._check_steps(form.steps or 0)
        watch = Stopwatch()
        with self.engine.expecting(), watch("decode"):
            support, images = await self.reader.support(form, checkpoint.metadata.input)
        steps = inner.steps_for(len(images), len(support.classes)) if form.steps is None else form.steps
        self._check_compute(checkpoint, steps, len(images))
        work = AdaptWork(
            checkpoint=name,
            images=images,
            labels=support.labels,
            ways=len(support.classes),
            steps=steps,
            learning_rate=form.learning_rate or inner.learning_rate,
        )
        try:
            done = await self.engine.run(work)
        except SupportError as error:
            field = "labels" if form.archive is None else "archive"
            raise errors.SupportUnsuitable(str(error), field=field) from error
        answers.check_finite(done.value)
        model = self._model(form, name, checkpoint, support, work, done.value)
        with watch("store"):
            await self._keep(Stored(model, done.value.adapted.tensors))
        timings = AdaptTimings(**watch.ms, queue=done.queue_ms, encode=done.encode_ms, adapt=done.compute_ms)
        return AdaptAnswer(**model.model_dump(), timings_ms=timings)

    async def predict(self, form: PredictForm) -> PredictAnswer:
        """Classifies images with a model. Raises AppError."""
        self.engine.require_ready()
        stored = await self._stored(form.model_id)
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

    async def _keep(self, stored: Stored) -> None:
        await to_thread.run_sync(self.store.put, stored)
        self.cache.put(stored)

    async def _stored(self, model_id: str) -> Stored:
        stored = await self.cache.get(model_id, lambda: to_thread.run_sync(self.store.get, model_id))
        if is_expired(stored.model) or not await to_thread.run_sync(self.store.has, model_id):
            self.cache.drop(model_id)
            return await to_thread.run_sync(self.store.get, model_id)  # which says so
        return stored

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

    def _model(
        self,
        form: AdaptForm,
        name: str,
        checkpoint: Checkpoint,
        support: SupportSet,
        work: AdaptWork,
        adaptation: Adaptation,
    ) -> Model:
        now = datetime.now(UTC)
        ttl = form.ttl_seconds or self.settings.ttl_seconds
        return Model(
            id=new_id(),
            name=form.name,
            checkpoint=answers.reference(name, checkpoint),
            classes=support.classes,
            created_at=now,
            expires_at=now + timedelta(seconds=ttl) if ttl else None,
            shots=support.shots,
            steps=work.steps,
            learning_rate=work.learning_rate,
            seed=form.seed,
            loss_curve=adaptation.losses,
            support_accuracy=sum(adaptation.image_correct) / len(adaptation.image_correct),
            validation=answers.validation(adaptation),
            hardest_images=answers.hardest(support.uploads, adaptation.image_losses),
            skipped=support.skipped[:MAX_SKIPPED],
            skipped_count=len(support.skipped),
        )
