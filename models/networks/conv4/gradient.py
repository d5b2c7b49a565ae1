"""The gradient of a Conv4's loss on the CPU, for many inner steps: what autograd gives, by compiled loops and in place.

Of what a step of autograd costs at this size, a third is finding shapes and memory and building the graph. Here both
are found at the first step.
"""

from dataclasses import dataclass, field

import torch
from torch import Tensor

from models.heads.linear import HEAD_BIAS, HEAD_WEIGHT
from models.networks.conv4.blocks import kernels
from models.networks.conv4.blocks.compiled import Block
from models.networks.conv4.blocks.windows import places
from models.networks.conv4.blocks.workspace import Room
from models.networks.conv4.network import LAYERS, Conv4
from models.parameters import Parameters
from models.tasks import PADDING, TaskBatch

TOGETHER = 2**22
"""Bytes of the first layer's output that go through the network at once: about a core's share of the caches."""


@dataclass
class Conv4Gradient:
    """`Gradient` of the mean cross-entropy. What it returns is overwritten at the next call."""

    network: Conv4
    _steps: "_Steps | None" = field(default=None, init=False)

    def __call__(self, parameters: Parameters, batch: TaskBatch) -> tuple[Tensor, Parameters]:
        """Each task's loss [T] and the gradients of the stacked parameters, with the batch's own statistics."""
        if self._steps is None or not self._steps.fits(parameters, batch):
            self._steps = _Steps(self.network, parameters, batch)
        return self._steps.take(batch)


class _Steps:
    """Steps of the same parameters, which change in place, on batches of one shape."""

    def __init__(self, network: Conv4, parameters: Parameters, batch: TaskBatch) -> None:
        self.parameters, self.shape = parameters, batch.x.shape
        self.gradients = {name: torch.empty_like(tensor) for name, tensor in parameters.items()}
        self.losses = batch.x.new_empty(len(batch.x))
        tasks = _together(network, batch.x)
        room = Room(batch.x)
        self.parts = [
            (part, _Part(network, _slice(parameters, part), _slice(self.gradients, part), batch.x.shape[1], room))
            for part in (slice(first, first + tasks) for first in range(0, len(batch.x), tasks))
        ]

    def fits(self, parameters: Parameters, batch: TaskBatch) -> bool:
        return parameters is self.parameters and batch.x.shape == self.shape

    def take(self, batch: TaskBatch) -> tuple[Tensor, Parameters]:
        for tasks, part in self.parts:
            part.take(batch.x[tasks], batch.labels[tasks], batch.ways[tasks], self.losses[tasks])
        return self.losses.clone(), self.gradients


class _Part:
    """Some of the tasks, from images to gradients before the next ones come."""

    def __init__(self, network: Conv4, parameters: Parameters, gradients: Parameters, batch: int, room: Room) -> None:
        self.weight, self.bias = parameters[HEAD_WEIGHT], parameters[HEAD_BIAS].unsqueeze(1)
        self.weight_gradient, self.bias_gradient = gradients[HEAD_WEIGHT], gradients[HEAD_BIAS]
        tasks, ways, _ = self.weight.shape
        self.x = room("x", tasks, batch, network.size, network.size, network.channels)
        self.shares: list[Tensor] = []
        self.blocks: list[Block] = []
        x = self.x
        for layer in range(1, LAYERS + 1):
            names = [f"conv{layer}.{part}" for part in ("weight", "gamma", "beta")]
            shares = room(f"{layer}.shares", tasks, batch)
            weight, gamma, beta = (parameters[name] for name in names)
            block = Block(x, weight, gamma, beta, shares, network.stride, network.window, room, str(layer))
            block.prepare_backward(*(gradients[name] for name in names), needs_x=layer > 1)
            self.blocks.append(block)
            self.shares.append(shares)
            x = block.out
        self.features = x.flatten(start_dim=2)
        self.scores, self.scores_gradient = (room(name, tasks, batch, ways) for name in ("scores", "scores_gradient"))
        self.features_gradient = room("features_gradient", *self.features.shape)
        self.out_gradient = self.features_gradient.view(x.shape)

    def take(self, x: Tensor, labels: Tensor, ways: Tensor, losses: Tensor) -> None:
        """Writes the losses of these images and the gradients."""
        self.x.copy_(x)
        self._count(labels)
        for block in self.blocks:
            block.forward()
        torch.baddbmm(self.bias, self.features, self.weight.mT, out=self.scores)
        written = losses.numpy(), self.scores_gradient.numpy()
        kernels.cross_entropy(self.scores.numpy(), labels.numpy(), ways.numpy(), *written)
        torch.bmm(self.scores_gradient.mT, self.features, out=self.weight_gradient)
        torch.sum(self.scores_gradient, 1, out=self.bias_gradient)
        torch.bmm(self.scores_gradient, self.weight, out=self.features_gradient)
        gradient = self.out_gradient
        for block in reversed(self.blocks):
            gradient = block.backward(gradient)

    def _count(self, labels: Tensor) -> None:
        """What each image counts in the batch statistics of each layer."""
        real = (labels != PADDING).to(self.x.dtype)
        shares = real / real.sum(dim=1, keepdim=True).clamp_min(1)
        for block, counts in zip(self.blocks, self.shares, strict=True):
            torch.div(shares, block.places, out=counts)


def _together(network: Conv4, x: Tensor) -> int:
    """How many tasks go through the network at once."""
    outputs = places(network.size, network.stride) ** 2 * network.filters
    return max(1, TOGETHER // (x.shape[1] * outputs * x.element_size()))


def _slice(parameters: Parameters, tasks: slice) -> Parameters:
    return {name: tensor[tasks] for name, tensor in parameters.items()}
