"""A work that makes the moments of an engine last, and what waits behind it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Self

import torch
from torch import Tensor

from app.engine.engine import Engine
from app.engine.work import Work
from app.threads import Cancellation
from models.learner import Learner

IMAGES = torch.randint(0, 256, (4, 1, 28, 28), dtype=torch.uint8)
Start = Callable[..., Engine]


@dataclass(frozen=True, kw_only=True)
class Probe(Work[int]):
    """Answers the size of the batch it ran in; may take its time, and may fail."""

    checkpoint: str = "omniglot"
    images: Tensor = field(default_factory=lambda: IMAGES)
    gate: threading.Event | None = None
    hunger: int = 0  # bytes
    poison: bool = False

    @property
    def passes(self) -> int:
        return 100  # so much that threads share it

    @classmethod
    def run(
        cls, learner: Learner, batch: Sequence[Self], features: Sequence[Tensor], cancellation: Cancellation
    ) -> list[int]:
        assert [len(each) for each in features] == [len(work.images) for work in batch]
        for work in batch:
            if work.gate:
                work.gate.wait(10)
        torch.ones(sum(work.hunger for work in batch), dtype=torch.uint8)
        for work in batch:
            if work.poison:
                raise ArithmeticError("poison")
        return [len(batch)] * len(batch)


async def behind_a_gate(
    engine: Engine, works: Sequence[Work[int]], tenants: Sequence[str] = ()
) -> list[int | BaseException]:
    """The results of works that all wait while the engine is held up."""
    gate = threading.Event()
    first = asyncio.create_task(engine.run(Probe(gate=gate)))
    await asyncio.sleep(0.1)
    whose = tenants or [""] * len(works)
    others = [asyncio.create_task(engine.run(work, tenant)) for work, tenant in zip(works, whose, strict=True)]
    await asyncio.sleep(0.05)
    gate.set()
    await first
    results = await asyncio.gather(*others, return_exceptions=True)
    return [result if isinstance(result, BaseException) else result.value for result in results]
