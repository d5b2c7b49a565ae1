"""Times of work on a device, which on a GPU has ended only when the device says so."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median

import torch

from benchmarks.inner_loop.problem import CPU

GPU = torch.device("cuda")


def devices() -> list[torch.device]:
    """Return those of this machine."""
    return [CPU, GPU] if torch.cuda.is_available() else [CPU]


@dataclass(frozen=True)
class Effort:
    """How long to measure: seconds of all turns of a row, its least number of rounds, and the longest turn."""

    seconds: float = 4.0
    rounds: int = 3
    longest: float = 10.0


def medians(works: Mapping[str, tuple[torch.device, Callable[[], object]]], effort: Effort) -> dict[str, float]:
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
