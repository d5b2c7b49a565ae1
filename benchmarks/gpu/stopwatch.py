"""Times of work on a device, which on a GPU has ended only when the device says so."""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median
from typing import TypeAlias

import torch

from benchmarks.inner_loop.problem import CPU

GPU = torch.device("cuda")
Works: TypeAlias = Mapping[str, tuple[torch.device, Callable[[], object]]]
"""What to measure by its name, and the device that has to end it."""


def devices() -> list[torch.device]:
    """Return those of this machine."""
    return [CPU, GPU] if torch.cuda.is_available() else [CPU]


@dataclass(frozen=True)
class Effort:
    """How long to measure: seconds of all turns of a row, its least number of rounds, and the longest turn."""

    seconds: float = 2.0
    rounds: int = 3
    longest: float = 3.0


class Stopwatch:
    """Measures the same works with more and more tasks, and leaves out those that would take too long."""

    def __init__(self, effort: Effort) -> None:
        self._effort = effort
        self._each: dict[str, float] = {}

    def medians(self, count: int, works: Works) -> dict[str, float]:
        """Return each work's median seconds for so many tasks."""
        able = {name: work for name, work in works.items() if self._each.get(name, 0) * count <= self._effort.longest}
        found = medians(able, self._effort)
        self._each |= {name: seconds / count for name, seconds in found.items()}
        self._each |= dict.fromkeys(works.keys() - found.keys(), math.inf)
        return found


def medians(works: Works, effort: Effort) -> dict[str, float]:
    """Return each work's median seconds; they take turns, after a first turn that doesn't count.

    What takes longer than the effort's longest turn is left out.
    """
    able = {name: work for name, work in works.items() if _turn(*work) <= effort.longest}
    times: dict[str, list[float]] = {name: [] for name in able}
    begin = time.perf_counter()
    while able and (len(next(iter(times.values()))) < effort.rounds or time.perf_counter() - begin < effort.seconds):
        for name, work in able.items():
            times[name].append(_turn(*work))
    return {name: median(found) for name, found in times.items()}


def _turn(device: torch.device, work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - begin
