"""Reptile and first-order MAML (Nichol, Achiam and Schulman 2018), for any learner and any task with a loss."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import torch
from torch import Tensor

from models.architecture import MetaInitialization
from models.parameters import Parameters

Batch = TypeVar("Batch")
InnerLoop = Callable[[MetaInitialization], tuple[Parameters, Parameters, int]]


def meta_step(theta: MetaInitialization, inner_loop: InnerLoop, epsilon: float) -> MetaInitialization:
    """theta ← theta + ε · d (algorithm 2).

    `inner_loop(theta)` adapts to the tasks of this step and returns the direction d, the optimizer's second moment
    after them, and the number of inner steps taken; none has a task dimension. Means over tasks come in double
    precision, so that in single precision the result doesn't depend on the order of their sums.
    """
    direction, moments, steps = inner_loop(theta)
    return MetaInitialization(
        parameters={
            name: (tensor + epsilon * direction[name]).to(tensor.dtype) for name, tensor in theta.parameters.items()
        },
        moments={name: moments[name].to(tensor.dtype) for name, tensor in theta.moments.items()},
        count=theta.count + steps,
    )


def mean_change(start: Parameters, phi: Parameters) -> Parameters:
    """Reptile's direction, mean_i(φ_i − start), from stacked φ [T, ...]; a head that `start` lacks is left out."""
    return {name: (phi[name] - tensor).mean(dim=0, dtype=torch.double) for name, tensor in start.items()}


def change_since(
    first: int,
    theta: Parameters,
    phi: Parameters,
    batches: Sequence[Batch],
    take: Callable[[Sequence[Batch], int], list[Tensor]],
) -> tuple[Parameters, list[Tensor]]:
    """Takes an inner step on each of `batches`: the direction of those from `first` on, and the losses before each.

    Reptile's direction is that of all steps, so its `first` is 0; that of first-order MAML is the last step's, k − 1.
    `take(batches, before)` takes steps that change stacked φ [T, ...] in place, `before` others having been taken.
    """
    losses = take(batches[:first], 0)
    start = {name: phi[name].clone() for name in theta}
    losses += take(batches[first:], first)
    return mean_change(start, phi), losses


def annealed(step: int, total: int, start: float = 1.0) -> float:
    """The meta step size ε: from `start` linearly to 0 over `total` steps."""
    return start * (1 - step / total)
