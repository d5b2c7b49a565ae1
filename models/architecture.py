"""A learner without its weights: network, head and inner optimizer, and what they do together for T tasks."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from models.heads.interface import Head, HeadGradient
from models.heads.linear import HEAD, logits, masked
from models.networks.interface import Network
from models.optimizers import Optimizer
from models.parameters import Parameters, move, stack
from models.tasks import HeldOutBatch, TaskBatch

FLOAT = 4  # bytes
COPIES = 4  # of a task's weights while it adapts: they, v, the gradient, and room to step in


@dataclass(frozen=True)
class MetaInitialization:
    """Where adaptation starts: theta, the inner optimizer's second moment v, and how many steps v has seen."""

    parameters: Parameters
    moments: Parameters
    count: int = 0

    def to(self, target: torch.device | torch.dtype) -> "MetaInitialization":
        """Return the same on another device or in another precision."""
        return MetaInitialization(move(self.parameters, target), move(self.moments, target), self.count)


@dataclass(frozen=True)
class Architecture:
    """The adaptable network, how its head starts, and how they step."""

    network: Network
    head: Head
    optimizer: Optimizer

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Name theta's tensors and their shapes."""
        return {**self.network.shapes(), **self.head.shapes(self.network.features)}

    def moment_shapes(self) -> dict[str, tuple[int, ...]]:
        """Name v's tensors and their shapes."""
        return {**self.network.shapes(), **self.head.moment_shapes(self.network.features)}

    def initialize(self, seed: int) -> MetaInitialization:
        """Return fresh weights, the same for the same seed."""
        generator = torch.Generator().manual_seed(seed)
        parameters = self.network.initialize(generator) | self.head.initialize(self.network.features, generator)
        return MetaInitialization(parameters, _zeros(self.moment_shapes()))

    def bytes_needed(self, tasks: int, examples: int) -> int:
        """Return about what it takes to adapt to so many examples of each of T tasks."""
        weights = sum(math.prod(shape) for shape in self.shapes().values())
        return FLOAT * tasks * (COPIES * weights + examples * self.network.activations)

    @torch.no_grad()
    def start(
        self, initialization: MetaInitialization, support: TaskBatch, parameters: Parameters | None = None
    ) -> tuple[Parameters, Parameters]:
        """Return each task's own copy of theta and v, with a head for its classes.

        `parameters` [T, ...] take theta's place, where tasks don't all start there.
        """
        tasks = len(support.labels)
        parameters = stack(initialization.parameters, tasks) if parameters is None else dict(parameters)
        parameters |= self.head.start(self.network, parameters, support)
        moments = stack(initialization.moments, tasks)
        for name in moments.keys() & set(HEAD):
            moments[name] = moments[name].expand(parameters[name].shape).clone()
        return parameters, moments

    def gradient(self, device: torch.device) -> HeadGradient:
        """Return the gradient of `loss`, for the steps of one inner loop on this device."""
        return self.head.gradient(self.network, device)

    @torch.no_grad()
    def conclude(self, parameters: Parameters, support: TaskBatch) -> tuple[Parameters, Parameters, Tensor, Tensor]:
        """Return the parameters after the last step, and the support set's statistics, features and logits."""
        features, statistics = self.network(parameters, support.x, support.weights)
        parameters = parameters | self.head.conclude(features, support)
        return parameters, statistics, features, masked(logits(parameters, features), support)

    def loss(self, parameters: Parameters, batch: TaskBatch) -> Tensor:
        """Return each task's mean cross-entropy [T], with the batch's own batch-norm statistics."""
        return self.head.loss(self.network, parameters, batch)

    def held_out_loss(self, parameters: Parameters, batch: HeldOutBatch) -> Tensor:
        """Return each task's mean cross-entropy [T] of examples that its head is not made of."""
        return self.head.held_out_loss(self.network, parameters, batch)


def shared_moments(kept: Parameters, moments: Parameters, ways: Tensor) -> Parameters:
    """Return the rows [R, ...] whose mean is v after T tasks, in the shapes of `kept`.

    `moments` are stacked [T, ...], and a row is a task's. Of a head that is built for each task, whose v is kept for
    one class, a row is a class's: `ways` [T] says how many classes of the head are each task's own.
    """
    rows = {}
    for name, old in kept.items():
        tensor = moments[name]
        if name in HEAD and old.shape[0] == 1:
            present = torch.arange(tensor.shape[1], device=ways.device) < ways[:, None]
            tensor = tensor[present].unsqueeze(1)
        rows[name] = tensor
    return rows


def _zeros(shapes: Mapping[str, tuple[int, ...]]) -> Parameters:
    return {name: torch.zeros(shape) for name, shape in shapes.items()}
