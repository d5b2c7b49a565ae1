"""What the engine computes for a request."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Generic, Protocol, Self, TypeVar

import torch
from torch import Tensor

from app.threads import Cancellation
from models.estimates.label_next import COPIES, label_next
from models.estimates.near_copies import near_copies
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
    """Adapt to the images; labels [B] in 0..ways − 1, or all 0 where there are `targets` [B, ways]."""

    kind: ClassVar[str] = "adapt"
    lighter: ClassVar[str] = "Send fewer images, or ask for fewer steps."
    labels: Sequence[int]
    ways: int
    steps: int
    learning_rate: float
    initialization: Mapping[str, float] | None = None
    by_frequency: bool = False
    targets: Sequence[Sequence[float]] = ()
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
                torch.tensor(work.targets) if work.targets else None,
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
        """See Work; the images of several requests that ask the same model are classified as those of one."""
        asked = _by_model(batch)
        models = [Adapted(move(batch[places[0]].adapted.tensors, learner.device)) for places in asked]
        queries = [torch.cat([features[place] for place in places]) for places in asked]
        answers: dict[int, Answers] = {}
        for places, found in zip(asked, learner.predict(models, queries, batch[0].transductive), strict=True):
            sizes = [len(features[place]) for place in places]
            answers |= zip(places, found.to(HOST).split(sizes), strict=True)
        return [answers[place] for place in range(len(batch))]


def _by_model(batch: Sequence[PredictWork]) -> list[list[int]]:
    """Return the places of the works that ask the same model; of works about images together, each by itself."""
    places: dict[int, list[int]] = {}
    for place, work in enumerate(batch):
        places.setdefault(place if work.transductive else id(work.adapted.mark), []).append(place)
    return list(places.values())


@dataclass(frozen=True)
class Ranked:
    """What a model says of a pool of Q images, in which order to label them, and their groups of near copies [Q]."""

    answers: Answers
    order: Sequence[int]
    groups: Sequence[int]


@dataclass(frozen=True, kw_only=True)
class RankWork(Work[Ranked]):
    """Classify a pool of images with an adapted model, and say which of them to label next."""

    kind: ClassVar[str] = "predict"
    adapted: Adapted
    shots: Sequence[int]
    """Images of each class that the model was adapted to."""

    @classmethod
    def run(
        cls, learner: Learner, batch: Sequence[Self], features: Sequence[Tensor], cancellation: Cancellation
    ) -> list[Ranked]:
        """See Work."""
        models = [Adapted(move(work.adapted.tensors, learner.device)) for work in batch]
        found = learner.predict(models, features)
        return [_ranked(answers, work.shots) for work, answers in zip(batch, found, strict=True)]


def _ranked(answers: Answers, shots: Sequence[int]) -> Ranked:
    (groups,) = near_copies([answers.features], [answers.probabilities.argmax(dim=1)], COPIES)
    order = label_next(answers.probabilities, answers.features, groups, torch.tensor(shots))
    return Ranked(answers.to(HOST), order.tolist(), groups.tolist())


def _on_host(adaptation: Adaptation) -> Adaptation:
    return replace(adaptation, adapted=Adapted(move(adaptation.adapted.tensors, HOST)))
