"""What the engine computes for a request."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Generic, Protocol, Self, TypeVar

import torch
from torch import Tensor

from app.threads import Cancellation
from models.initializations.adapted import Adaptation, Adapted, Answers
from models.learner import Learner
from models.parameters import move
from models.tasks import Support

T = TypeVar("T")
HOST = torch.device("cpu")  # where results go, and where models are in the store


class Progress(Protocol):
    """Follows an adaptation."""

    def step(self, step: int, steps: int, loss: float) -> None:
        """Take note of the support set's loss after `step` of `steps` inner steps; called from the engine's thread."""


@dataclass(frozen=True, kw_only=True)
class Work(ABC, Generic[T]):
    """A request's share of a batch: images uint8 [B, C, H, W], and the name of the checkpoint they go to."""

    kind: ClassVar[str] = "other"
    lighter: ClassVar[str] = "Send fewer images."
    """What to do where it takes too long."""
    checkpoint: str
    images: Tensor

    @property
    def passes(self) -> int:
        """How often the images go through the network, forward or back."""
        return 1

    @property
    def group(self) -> Hashable:
        """What works must have in common to run as one batch."""
        return type(self), self.checkpoint

    @classmethod
    @abstractmethod
    def run(
        cls, learner: Learner, batch: Sequence[Self], features: Sequence[Tensor], cancellation: Cancellation
    ) -> list[T]:
        """Return a result for each work from its encoded images; look at `cancellation` now and then if it is long."""


@dataclass(frozen=True, kw_only=True)
class AdaptWork(Work[Adaptation]):
    """Adapt to the images; labels [B] in 0..ways − 1."""

    kind: ClassVar[str] = "adapt"
    lighter: ClassVar[str] = "Send fewer images, or ask for fewer steps."
    labels: Sequence[int]
    ways: int
    steps: int
    learning_rate: float
    initialization: Mapping[str, float] | None = None
    by_frequency: bool = False
    progress: Progress | None = None

    @property
    def passes(self) -> int:
        """See Work. A step's backward pass costs two forward ones; one more at each end tells how the images fare."""
        return 3 * self.steps + 2

    @property
    def group(self) -> Hashable:
        """See Work. Of like cost: a batch takes the most steps, on the most images, that any of its works asks for."""
        return super().group, self.steps.bit_length(), len(self.images).bit_length()

    @classmethod
    def run(
        cls, learner: Learner, batch: Sequence[Self], features: Sequence[Tensor], cancellation: Cancellation
    ) -> list[Adaptation]:
        """See Work; looks at `cancellation` before each step."""
        supports = [
            Support(
                encoded,
                torch.tensor(work.labels),
                work.ways,
                work.steps,
                work.learning_rate,
                work.initialization,
                work.by_frequency,
            )
            for work, encoded in zip(batch, features, strict=True)
        ]
        return [_on_host(each) for each in learner.adapt(supports, _observer(batch, cancellation))]


def _observer(batch: Sequence[AdaptWork], cancellation: Cancellation) -> Callable[[int, Tensor], None]:
    """Return what the learner calls before each step: ends what nobody waits for, tells the others their own loss."""
    followed = [(task, work, work.progress) for task, work in enumerate(batch) if work.progress]

    def observe(step: int, losses: Tensor) -> None:
        cancellation.check()
        for task, work, progress in followed:
            if step < work.steps:
                progress.step(step, work.steps, float(losses[task]))

    return observe


@dataclass(frozen=True, kw_only=True)
class PredictWork(Work[Answers]):
    """Classify the images with an adapted model."""

    kind: ClassVar[str] = "predict"
    adapted: Adapted
    transductive: bool

    @property
    def group(self) -> Hashable:
        """See Work."""
        return super().group, self.transductive

    @classmethod
    def run(
        cls, learner: Learner, batch: Sequence[Self], features: Sequence[Tensor], cancellation: Cancellation
    ) -> list[Answers]:
        """See Work."""
        models = [Adapted(move(work.adapted.tensors, learner.device)) for work in batch]
        return [answers.to(HOST) for answers in learner.predict(models, features, batch[0].transductive)]


def _on_host(adaptation: Adaptation) -> Adaptation:
    return replace(adaptation, adapted=Adapted(move(adaptation.adapted.tensors, HOST)))
