"""Where the time of a request goes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True)
class Phase:
    """A part of a request's work on a checkpoint, from `start` to `end` by time.perf_counter()."""

    name: str
    checkpoint: str
    start: float
    end: float


Observe: TypeAlias = Callable[[Phase], None]
"""Is told of each phase when it is over, in the request's own context."""


class Stopwatch:
    """Milliseconds by the name of the phase, of which `observers` are told too."""

    def __init__(self, checkpoint: str, observers: Sequence[Observe] = ()) -> None:
        self.ms: dict[str, float] = {}
        self._checkpoint = checkpoint
        self._observers = observers

    @contextmanager
    def __call__(self, phase: str) -> Iterator[None]:
        """Times the block."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self._add(phase, start, time.perf_counter())

    def follow(self, start: float, **ms: float) -> None:
        """Phases that were timed elsewhere, one after the other."""
        for phase, duration in ms.items():
            end = start + duration / 1e3
            self._add(phase, start, end)
            start = end

    def _add(self, phase: str, start: float, end: float) -> None:
        self.ms[phase] = round((end - start) * 1e3, 3)
        for observe in self._observers:
            observe(Phase(phase, self._checkpoint, start, end))
