"""Reptile (Nichol, Achiam and Schulman 2018), for any learner and any task with a loss."""

from collections.abc import Callable

from models.architecture import MetaInitialization
from models.parameters import Parameters, interpolate, mean

InnerLoop = Callable[[MetaInitialization], tuple[Parameters, Parameters, int]]


def meta_step(theta: MetaInitialization, inner_loop: InnerLoop, epsilon: float) -> MetaInitialization:
    """theta ← theta + ε · mean_i(φ_i − theta) (algorithm 2).

    `inner_loop(theta)` adapts to the tasks of this step and returns φ [T, ...], the optimizer's second moment after
    them, already without a task dimension, and the number of inner steps taken.
    """
    phi, moments, steps = inner_loop(theta)
    return MetaInitialization(
        parameters=interpolate(theta.parameters, mean(phi), epsilon),
        moments=moments,
        count=theta.count + steps,
    )


def annealed(step: int, total: int, start: float = 1.0) -> float:
    """The meta step size ε: from `start` linearly to 0 over `total` steps."""
    return start * (1 - step / total)
