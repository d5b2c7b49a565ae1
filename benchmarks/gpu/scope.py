"""What is measured, and for how long."""

from dataclasses import dataclass, field

from benchmarks.gpu.stopwatch import Effort
from benchmarks.inner_loop.problem import NETWORKS

CHECKPOINTS = {"omniglot": "drawings", "photo": "photos"}


@dataclass(frozen=True)
class Scope:
    """Numbers of tasks T, shipped checkpoints, the paper's networks, and the effort of a row."""

    tasks: tuple[int, ...] = (1, 4, 16, 64, 256)
    checkpoints: tuple[str, ...] = tuple(CHECKPOINTS)
    networks: tuple[str, ...] = tuple(NETWORKS)
    effort: Effort = field(default_factory=Effort)


WHOLE = Scope()
QUICK = Scope((2,), ("omniglot",), ("28",), Effort(seconds=0.0, rounds=2))
