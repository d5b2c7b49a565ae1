"""The inner loop: k gradient steps for T tasks at once. Training, evaluation and serving all run this one."""

from collections.abc import Callable, Iterable
from typing import TypeVar

import torch
from torch import Tensor

from models.optimizers import Optimizer
from models.parameters import Parameters

Batch = TypeVar("Batch")


def inner_loop(
    loss: Callable[[Parameters, Batch], Tensor],
    parameters: Parameters,
    moments: Parameters,
    batches: Iterable[tuple[Batch, Tensor]],
    optimizer: Optimizer,
    count: int = 0,
) -> list[Tensor]:
    """One step for each of `batches`, changing `parameters` and `moments` (both stacked, T first) in place.

    `loss(parameters, batch)` gives one loss for each task [T]; each batch comes with the tasks' learning rates [T],
    0 for a task that is done (its parameters then stay as they are). `count` steps came before, in `moments`.
    Returns the losses before each step.
    """
    losses = []
    for step, (batch, rates) in enumerate(batches):
        leaves = {name: tensor.detach().requires_grad_() for name, tensor in parameters.items()}
        values = loss(leaves, batch)
        gradients = torch.autograd.grad(values.sum(), list(leaves.values()))
        with torch.no_grad():
            optimizer.step(parameters, dict(zip(leaves, gradients, strict=True)), moments, rates, count + step)
        losses.append(values.detach())
    return losses
