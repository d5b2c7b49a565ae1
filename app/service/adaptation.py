"""What /adapt or a new version asks for: as work for the engine, and then as the model that came of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from torch import Tensor

from app.api.forms import Choices
from app.engine.work import AdaptWork
from app.errors import StepsOutOfRange
from app.http.event_stream import Tell, nobody
from app.inputs.support_set import SupportSet
from app.service import answers
from app.settings import Settings
from app.store import new_id
from app.store.records import ModelRecord
from kshot.types import MAX_SKIPPED, StepEvent
from models.checkpoint import Checkpoint
from models.learner import Adaptation


@dataclass(frozen=True)
class Task:
    """A support set, its images uint8 [B, C, H, W], and the checkpoint to adapt, by its name and itself."""

    name: str
    checkpoint: Checkpoint
    support: SupportSet
    images: Tensor
    choices: Choices
    title: str | None
    parent: ModelRecord | None = None

    def work(self, settings: Settings, tell: Tell) -> AdaptWork:
        """For the engine; `tell`s of each step. Raises StepsOutOfRange."""
        choices, ways = self.choices, len(self.support.classes)
        inner = self.checkpoint.metadata.inner
        steps = inner.steps_for(len(self.images), ways) if choices.steps is None else choices.steps
        self._check_compute(steps, settings)
        return AdaptWork(
            checkpoint=self.name,
            images=self.images,
            labels=self.support.labels,
            ways=ways,
            steps=steps,
            learning_rate=choices.learning_rate or inner.learning_rate,
            progress=None if tell is nobody else ToldProgress(tell),
        )

    def record(self, work: AdaptWork, adaptation: Adaptation, images_kept: bool, settings: Settings) -> ModelRecord:
        """Return what to keep of the model."""
        now, support, parent = datetime.now(UTC), self.support, self.parent
        ttl = self.choices.ttl_seconds or settings.ttl_seconds
        return ModelRecord(
            id=new_id(),
            name=self.title,
            parent=parent and parent.id,
            version=parent.version + 1 if parent else 1,
            images_kept=images_kept,
            checkpoint=answers.reference(self.name, self.checkpoint),
            classes=support.classes,
            created_at=now,
            expires_at=now + timedelta(seconds=ttl) if ttl else None,
            shots=support.shots,
            steps=work.steps,
            learning_rate=work.learning_rate,
            seed=self.choices.seed,
            loss_curve=adaptation.losses,
            support_accuracy=sum(adaptation.image_correct) / len(adaptation.image_correct),
            validation=answers.validation(adaptation),
            hardest_images=answers.hardest(support.uploads, adaptation.image_losses),
            skipped=support.skipped[:MAX_SKIPPED],
            skipped_count=len(support.skipped),
        )

    def _check_compute(self, steps: int, settings: Settings) -> None:
        """Raises StepsOutOfRange for what could not end within compute_seconds."""
        images = len(self.images)
        most = settings.max_image_steps // self.checkpoint.metadata.network.cost
        if steps * images > most:
            detail = f"steps is {steps}; with {images} images this server takes 0 to {most // images}."
            raise StepsOutOfRange(detail, field="steps")


@dataclass(frozen=True)
class ToldProgress:
    """Progress that a Tell is told of."""

    tell: Tell

    def step(self, step: int, steps: int, loss: float) -> None:
        """See Progress."""
        self.tell(StepEvent(step=step, steps=steps, loss=loss))


def check_steps(steps: int, settings: Settings) -> None:
    """Raises StepsOutOfRange. Before anything is decoded."""
    if steps > settings.max_steps:
        detail = f"steps is {steps}; this server takes 0 to {settings.max_steps}."
        raise StepsOutOfRange(detail, field="steps")
