"""Where the time of a request goes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True)
class Phase:
    """A part of a request's work with a checkpoint, from `start` to `end` by time.perf_counter()."""

    name: str
    checkpoint: str
    start: float
    end: float


Observe: TypeAlias = Callable[[Phase], None]
"""Called with each phase when it is over, in the request's own context."""


class Stopwatch:
    """Collects milliseconds by the name of the phase in `ms`, and tells `observers` of each phase."""

    def __init__(self, checkpoint: str, observers: Sequence[Observe] = ()) -> None:
        self.ms: dict[str, float] = {}
        self._checkpoint = checkpoint
        self._observers = observers

    @contextmanager
    def __call__(self, phase: str) -> Iterator[None]:
        """Time the block as a phase of this name."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self._add(phase, start, time.perf_counter())

    def follow(self, start: float, **ms: float) -> None:
        """Add phases that were timed elsewhere, one after the other from `start` on, each with its milliseconds."""
        for phase, duration in ms.items():
            end = start + duration / 1e3
            self._add(phase, start, end)
            start = end

    def _add(self, phase: str, start: float, end: float) -> None:
        self.ms[phase] = round((end - start) * 1e3, 3)
        for observe in self._observers:
            observe(Phase(phase, self._checkpoint, start, end))
