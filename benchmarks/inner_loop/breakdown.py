"""Measure where our own steps spend their time: matrix products and convolutions, compiled loops, or the rest."""

import cProfile
import pstats
import re
from dataclasses import dataclass
from pathlib import Path

from benchmarks.inner_loop.contenders import Ours
from benchmarks.inner_loop.problem import NETWORKS, Problem
from models import kernels

LOOPS = Path(kernels.__path__[0])
PRODUCTS = re.compile(r"\b(mm|bmm|addmm|baddbmm|matmul|conv2d|convolution_backward)_?\b")


@dataclass(frozen=True)
class Breakdown:
    """Milliseconds of a task-step on one thread, by kind of work."""

    products: float
    loops: float
    rest: float


def breakdown(network: str, tasks: int, steps: int) -> Breakdown:
    """Return what Python's profiler finds; its own cost counts as the rest."""
    ours = Ours(Problem(NETWORKS[network], tasks))
    ours.run(2)
    profiler = cProfile.Profile()
    profiler.runcall(ours.run, steps)
    times = {"products": 0.0, "loops": 0.0, "rest": 0.0}
    for (file, _, function), (_, _, own_time, _, _) in pstats.Stats(profiler).stats.items():  # type: ignore[attr-defined]
        times[_kind(file, function)] += 1e3 * own_time / (steps * tasks)
    return Breakdown(**times)


def _kind(file: str, function: str) -> str:
    if Path(file).parent == LOOPS:
        return "loops"
    return "products" if file == "~" and PRODUCTS.search(function) else "rest"
