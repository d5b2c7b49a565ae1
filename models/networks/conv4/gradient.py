"""The gradient of a Conv4's loss on the CPU, for many inner steps: what autograd gives, by compiled loops and in place.

At this size a third of a step of autograd goes into finding shapes and memory and building the graph. Here a plan finds
both once, and serves as long as the tensors stay where they are.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from models.heads.linear import HEAD_BIAS, HEAD_WEIGHT
from models.kernels.cross_entropy import cross_entropy
from models.networks.conv4.block import BlockInputs
from models.networks.conv4.compiled.block import BlockPlan
from models.networks.conv4.compiled.workspace import Workspace
from models.networks.padding import places
from models.parameters import Parameters
from models.tasks import TaskBatch

PARTS = ("weight", "gamma", "beta")  # of a layer's parameters
GROUP_BYTES = 2**22
"""Size of the first layer's output for tasks that go through the network together: about a core's share of the caches.
"""


class Conv4Gradient:
    """The `Gradient` of the mean cross-entropy under a linear head. The next call overwrites what a call returned.

    `layers` are the prefixes of the layers' parameters, from the first; stride and pool are those of each layer.
    """

    def __init__(self, layers: Sequence[str], stride: int, pool: int) -> None:
        self.layers, self.stride, self.pool = tuple(layers), stride, pool
        self._names = [*(f"{layer}.{part}" for layer in layers for part in PARTS), HEAD_WEIGHT, HEAD_BIAS]
        self._plan: _Plan | None = None

    def __call__(self, parameters: Parameters, batch: TaskBatch) -> tuple[Tensor, Parameters]:
        """Return each task's loss [T] and the gradients of the stacked parameters, with the batch's own statistics."""
        used = {name: parameters[name] for name in self._names}
        if self._plan is None or not self._plan.fits(used, batch):
            self._plan = _Plan(self, used, batch)
        return self._plan.run(batch)


class _Plan:
    """Memory and shapes for steps of the same parameters, which change in place, on batches of one shape and dtype."""

    def __init__(self, gradient: Conv4Gradient, parameters: Parameters, batch: TaskBatch) -> None:
        self._bound = _places_in_memory(parameters)
        parameters = {name: tensor.detach() for name, tensor in parameters.items()}
        self._batch = batch.x.shape, batch.x.dtype
        self._gradients = {name: torch.empty_like(tensor) for name, tensor in parameters.items()}
        self._losses = batch.x.new_empty(len(batch.x))
        workspace, tasks = Workspace(batch.x), _group_size(gradient, parameters, batch.x)
        self._groups = [
            (part, _Group(gradient, _slice(parameters, part), _slice(self._gradients, part), batch.x, workspace))
            for part in (slice(first, first + tasks) for first in range(0, len(batch.x), tasks))
        ]

    def fits(self, parameters: Parameters, batch: TaskBatch) -> bool:
        """Return whether the parameters are the very memory that this plan reads, and the batch has its shape."""
        return self._batch == (batch.x.shape, batch.x.dtype) and self._bound == _places_in_memory(parameters)

    def run(self, batch: TaskBatch) -> tuple[Tensor, Parameters]:
        shares = _shares(batch)
        for tasks, group in self._groups:
            group.run(batch.x[tasks], batch.labels[tasks], batch.ways[tasks], shares[tasks], self._losses[tasks])
        return self._losses.clone(), dict(self._gradients)


class _Group:
    """Some of the tasks, which go from images to gradients before the next ones do."""

    def __init__(
        self, gradient: Conv4Gradient, parameters: Parameters, gradients: Parameters, x: Tensor, workspace: Workspace
    ) -> None:
        self.weight, self.bias = parameters[HEAD_WEIGHT], parameters[HEAD_BIAS].unsqueeze(1)
        self.weight_gradient, self.bias_gradient = gradients[HEAD_WEIGHT], gradients[HEAD_BIAS]
        tasks, ways, _ = self.weight.shape
        sizes = tasks, x.shape[1]
        self.x = workspace.tensor("x", *sizes, *x.shape[2:])
        self.shares: list[Tensor] = []
        self.blocks: list[BlockPlan] = []
        out = self.x
        for layer in gradient.layers:
            names = [f"{layer}.{part}" for part in PARTS]
            inputs = BlockInputs(out, *(parameters[name] for name in names))
            shares = workspace.tensor(f"{layer}.shares", *sizes)
            block = BlockPlan(inputs, shares, gradient.stride, gradient.pool, workspace, layer)
            block.prepare_backward(*(gradients[name] for name in names), needs_x=bool(self.blocks))
            self.blocks.append(block)
            self.shares.append(shares)
            out = block.out
        self.features = out.flatten(start_dim=2)
        self.scores, self.scores_gradient = (workspace.tensor(name, *sizes, ways) for name in ("scores", "dscores"))
        self.features_gradient = workspace.tensor("dfeatures", *self.features.shape)
        self.out_gradient = self.features_gradient.view(out.shape)

    def run(self, x: Tensor, labels: Tensor, ways: Tensor, shares: Tensor, losses: Tensor) -> None:
        """Write the losses of these images and the gradients; `shares` [T, B] are what an image counts, of sum 1."""
        self.x.copy_(x)
        for block, share in zip(self.blocks, self.shares, strict=True):
            torch.div(shares, block.places, out=share)
        for block in self.blocks:
            block.forward()
        torch.baddbmm(self.bias, self.features, self.weight.mT, out=self.scores)
        written = losses.numpy(), self.scores_gradient.numpy()
        cross_entropy(self.scores.numpy(), labels.numpy(), ways.numpy(), shares.numpy(), *written)
        torch.bmm(self.scores_gradient.mT, self.features, out=self.weight_gradient)
        torch.sum(self.scores_gradient, 1, out=self.bias_gradient)
        torch.bmm(self.scores_gradient, self.weight, out=self.features_gradient)
        gradient = self.out_gradient
        for block in reversed(self.blocks):
            gradient = block.backward(gradient)


def _shares(batch: TaskBatch) -> Tensor:
    """Return each image's share in the loss and in the batch statistics [T, B]; padding has none."""
    weights = batch.x.new_ones(batch.labels.shape) if batch.weights is None else batch.weights
    return weights / weights.sum(dim=1, keepdim=True).clamp_min(1)


def _group_size(gradient: Conv4Gradient, parameters: Parameters, x: Tensor) -> int:
    """Return how many tasks go through the network together."""
    _, batch, height, width, _ = x.shape
    filters = parameters[f"{gradient.layers[0]}.weight"].shape[2]
    outputs = places(height, gradient.stride) * places(width, gradient.stride) * filters
    return max(1, GROUP_BYTES // (batch * outputs * x.element_size()))


def _places_in_memory(parameters: Parameters) -> list[tuple[object, ...]]:
    """Return what tells tensors apart as long as the plan keeps their memory alive."""
    return [(tensor.data_ptr(), tensor.dtype, tensor.shape, tensor.stride()) for tensor in parameters.values()]


def _slice(parameters: Parameters, tasks: slice) -> Parameters:
    return {name: tensor[tasks] for name, tensor in parameters.items()}
