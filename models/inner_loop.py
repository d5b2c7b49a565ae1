"""The inner loop: k gradient steps for T tasks at once. Training, evaluation and serving all run this one."""

from collections.abc import Callable, Iterable
from typing import TypeAlias, TypeVar

import torch
from torch import Tensor

from models.optimizers import Optimizer
from models.parameters import Parameters

Batch = TypeVar("Batch")
Gradient: TypeAlias = Callable[[Parameters, Batch], tuple[Tensor, Parameters]]
"""From stacked parameters and a batch to each task's loss [T] and the gradients, which may be overwritten at the next
call."""
Observer: TypeAlias = Callable[[int, Tensor], None]
"""Called before each step with the number of steps before it and each task's loss [T]. What it raises ends the loop."""


def by_autograd(loss: Callable[[Parameters, Batch], Tensor]) -> Gradient[Batch]:
    """Return the gradient, by autograd, of a loss that gives one value for each task [T]."""

    def gradient(parameters: Parameters, batch: Batch) -> tuple[Tensor, Parameters]:
        leaves = {name: tensor.detach().requires_grad_() for name, tensor in parameters.items()}
        losses = loss(leaves, batch)
        gradients = torch.autograd.grad(losses.sum(), list(leaves.values()))
        return losses.detach(), dict(zip(leaves, gradients, strict=True))

    return gradient


def inner_loop(
    gradient: Gradient[Batch],
    parameters: Parameters,
    moments: Parameters,
    batches: Iterable[tuple[Batch, Tensor]],
    optimizer: Optimizer,
    count: int = 0,
    observe: Observer | None = None,
) -> list[Tensor]:
    """Take one step for each of `batches`, and change `parameters` and `moments` (both stacked, T first) in place.

    Each batch comes with the tasks' learning rates [T], 0 for a task that is done (its parameters then stay as they
    are). `count` steps came before, in `moments`.
    Returns the losses before each step.
    """
    losses = []
    for step, (batch, rates) in enumerate(batches):
        values, gradients = gradient(parameters, batch)
        if observe:
            observe(step, values)
        with torch.no_grad():
            optimizer.step(parameters, gradients, moments, rates, count + step)
        losses.append(values)
    return losses
