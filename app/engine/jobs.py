"""What the engine does for a request, and the request's side of it."""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Generic, Self, TypeAlias, TypeVar

import structlog
import torch
from torch import Tensor

from models.learner import Adaptation, Adapted, Answers, Learner
from models.parameters import move
from models.tasks import Support

T = TypeVar("T")
Observer: TypeAlias = Callable[[int, float], None]
"""Is told, in the engine's thread, the loss after so many steps."""
Check: TypeAlias = Callable[[], None]
"""Raises Abandoned, when nobody waits for any of the batch any more."""
HOST = torch.device("cpu")  # where models wait in the cache and the store


class Abandoned(Exception):
    """Nobody waits for what is being computed: between the engine and its batch alone."""


@dataclass(frozen=True, kw_only=True)
class Work(ABC, Generic[T]):
    """A request's share of a batch: images uint8 [B, C, H, W] and which checkpoint they go to."""

    kind: ClassVar[str] = "other"
    checkpoint: str
    images: Tensor

    @property
    def passes(self) -> int:
        """How often the images go through the network, there or back."""
        return 1

    @property
    def group(self) -> Hashable:
        """Works of the same group run as one."""
        return type(self), self.checkpoint

    @classmethod
    @abstractmethod
    def run(cls, learner: Learner, batch: Sequence[Self], features: Sequence[Tensor], check: Check) -> list[T]:
        """A result for each work, from its encoded images; `check`s now and then, if it takes long."""


@dataclass(frozen=True, kw_only=True)
class AdaptWork(Work[Adaptation]):
    """Adapt to the images; labels [B] in 0..ways − 1."""

    kind: ClassVar[str] = "adapt"
    labels: Sequence[int]
    ways: int
    steps: int
    learning_rate: float
    observe: Observer | None = None

    @property
    def passes(self) -> int:
        """See Work; the way back of a step costs two, and one at each end sees how the images fare."""
        return 3 * self.steps + 2

    @property
    def group(self) -> Hashable:
        """Of like cost: the batch takes the most steps, on the most images, that any work of it asks for."""
        return super().group, self.steps.bit_length(), len(self.images).bit_length()

    @classmethod
    def run(cls, learner: Learner, batch: Sequence[Self], features: Sequence[Tensor], check: Check) -> list[Adaptation]:
        """See Work; checks before each step."""
        supports = [
            Support(encoded, torch.tensor(work.labels), work.ways, work.steps, work.learning_rate)
            for work, encoded in zip(batch, features, strict=True)
        ]
        return [_on(HOST, adaptation) for adaptation in learner.adapt(supports, _observer(batch, check))]


def _observer(batch: Sequence[AdaptWork], check: Check) -> Callable[[int, Tensor], None]:
    """Checks, and tells each work that listens its own loss, for as long as it takes steps."""
    listening = [(task, work, work.observe) for task, work in enumerate(batch) if work.observe]

    def observe(step: int, losses: Tensor) -> None:
        check()
        for task, work, tell in listening:
            if step < work.steps:
                tell(step, float(losses[task]))

    return observe


@dataclass(frozen=True, kw_only=True)
class PredictWork(Work[Answers]):
    """What an adapted model says of the images."""

    kind: ClassVar[str] = "predict"
    adapted: Adapted
    transductive: bool

    @property
    def group(self) -> Hashable:
        """See Work."""
        return super().group, self.transductive

    @classmethod
    def run(cls, learner: Learner, batch: Sequence[Self], features: Sequence[Tensor], check: Check) -> list[Answers]:
        """See Work."""
        models = [Adapted(move(work.adapted.tensors, learner.device)) for work in batch]
        return [answers.to(HOST) for answers in learner.predict(models, features, batch[0].transductive)]


def _on(device: torch.device, adaptation: Adaptation) -> Adaptation:
    return replace(adaptation, adapted=Adapted(move(adaptation.adapted.tensors, device)))


@dataclass(frozen=True)
class Finished(Generic[T]):
    """A result, and the milliseconds it waited and took; the batch's, if it ran in one."""

    value: T
    queue_ms: float
    encode_ms: float
    compute_ms: float


@dataclass(eq=False)
class Job(Generic[T]):
    """A work in the engine's hands. Made on the event loop; started and ended from the engine's thread."""

    work: Work[T]
    tenant: str = ""
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)
    submitted: float = field(default_factory=time.perf_counter)
    request: dict[str, Any] = field(
        default_factory=structlog.contextvars.get_contextvars
    )  # its id and tenant, for the engine's log
    abandoned: bool = False
    settled: bool = False

    def __post_init__(self) -> None:
        self.started: asyncio.Future[float] = self.loop.create_future()
        self.result: asyncio.Future[Finished[T]] = self.loop.create_future()

    def start(self) -> None:
        """Its turn has come."""
        self._tell(self.started, asyncio.Future.set_result, time.perf_counter())

    def finish(self, finished: Finished[T]) -> None:
        """Hands the result over."""
        self.settled = True
        self._tell(self.result, asyncio.Future.set_result, finished)

    def fail(self, error: Exception) -> None:
        """Hands the failure over."""
        self.settled = True
        self._tell(self.result, asyncio.Future.set_exception, error)

    def _tell(self, future: asyncio.Future[Any], tell: Callable[[asyncio.Future[Any], Any], None], what: Any) -> None:
        def deliver() -> None:
            if not future.done():  # by a first try of the batch, or because nobody waits
                tell(future, what)

        with suppress(RuntimeError):  # its loop is closed: nobody waits
            self.loop.call_soon_threadsafe(deliver)
