"""The four-layer convolutional networks of the Reptile paper, for T tasks at once."""

import math
from typing import Literal

import torch
from pydantic import PositiveInt
from torch import Tensor

from models.export.graph import Graph
from models.inner_loop import Gradient
from models.kernels import compilation
from models.networks.conv4.block import EPSILON, KERNEL, Statistics
from models.networks.conv4.convolution import convolution_block
from models.networks.conv4.gradient import Conv4Gradient
from models.networks.interface import Network
from models.networks.padding import places, same_padding
from models.parameters import Parameters
from models.parts import register
from models.tasks import TaskBatch

LAYERS = 4
HALVING = 2  # of each layer, by its stride or by its pooling
REDUCTION = 16  # of four layers


@register
class Conv4(Network):
    """4 × [3×3 convolution at stride 2, SAME → batch norm → ReLU] (Nichol et al. 2018, section 6.1).

    With `pool`, as for Mini-ImageNet: stride 1, and a 2×2 maximum, SAME, before each ReLU. The convolutions have no
    bias: the batch norm after them would take it away again.
    """

    type: Literal["conv4"] = "conv4"
    channels: PositiveInt
    size: PositiveInt
    filters: PositiveInt = 64
    pool: bool = False

    @property
    def takes(self) -> tuple[int, int, int]:
        """H, W, C of an image."""
        return self.size, self.size, self.channels

    @property
    def features(self) -> int:
        """Length of an image's feature vector: filters × places left after four halvings."""
        side = -(-self.size // REDUCTION)
        return self.filters * side * side

    @property
    def activations(self) -> int:
        """See Network; a layer's input is there as one patch for each place."""
        side, channels, total = self.size, self.channels, 0
        for _ in range(LAYERS):
            reached = -(-side // self.stride)
            total += reached**2 * (KERNEL**2 * channels + self.filters)
            side, channels = -(-side // HALVING), self.filters
        return 2 * total

    @property
    def stride(self) -> int:
        """Of each convolution."""
        return 1 if self.pool else HALVING

    @property
    def window(self) -> int:
        """Places along a side over which each layer takes the maximum."""
        return HALVING if self.pool else 1

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """See Network."""
        shapes: dict[str, tuple[int, ...]] = {}
        channels = self.channels
        for layer in range(1, LAYERS + 1):
            shapes[f"conv{layer}.weight"] = (KERNEL**2 * channels, self.filters)
            shapes[f"conv{layer}.gamma"] = shapes[f"conv{layer}.beta"] = (1, self.filters)
            channels = self.filters
        return shapes

    def initialize(self, generator: torch.Generator) -> Parameters:
        """Return Glorot-uniform weights, gamma 1 and beta 0."""
        parameters = {name: torch.full(shape, float(name.endswith("gamma"))) for name, shape in self.shapes().items()}
        for name in (f"conv{layer}.weight" for layer in range(1, LAYERS + 1)):
            inputs, outputs = parameters[name].shape
            bound = math.sqrt(6 / (inputs + KERNEL**2 * outputs))
            parameters[name].uniform_(-bound, bound, generator=generator)
        return parameters

    def __call__(
        self,
        parameters: Parameters,
        x: Tensor,
        weights: Tensor | None = None,
        frozen: Parameters | None = None,
    ) -> tuple[Tensor, Parameters]:
        """Features [T, B, features] of images x [T, B, H, W, C], and the batch-norm statistics they were made with.

        `weights` [T, B] are what examples count in the batch statistics, 0 for padding; `frozen` statistics, as an
        earlier call returned them, take the place of the batch's.
        """
        statistics: Parameters = {}
        for layer in (f"conv{number}" for number in range(1, LAYERS + 1)):
            given = Statistics(frozen[f"{layer}.mean"], frozen[f"{layer}.variance"]) if frozen else None
            weight, gamma, beta = (parameters[f"{layer}.{part}"] for part in ("weight", "gamma", "beta"))
            x, used = convolution_block(x, weight, gamma, beta, self.stride, self.window, weights, given)
            statistics[f"{layer}.mean"], statistics[f"{layer}.variance"] = used
        return x.flatten(start_dim=2), statistics

    def gradient(self, device: torch.device) -> Gradient[TaskBatch] | None:
        """Return the compiled gradient where numba is installed and the device is the CPU."""
        if not compilation.supports(device):
            return None
        return Conv4Gradient([f"conv{layer}" for layer in range(1, LAYERS + 1)], self.stride, self.window)

    def add_to(self, graph: Graph, parameters: Parameters, statistics: Parameters, x: str) -> str:
        """See Network; batch norm is folded into the convolutions before it."""
        x = graph.add("Transpose", x, perm=[0, 3, 1, 2])
        size = self.size
        for layer in (f"conv{number}" for number in range(1, LAYERS + 1)):
            weight, bias = _folded(parameters, statistics, layer)
            before, after = same_padding(size, KERNEL, self.stride)
            names = graph.constant(f"{layer}.weight", weight.numpy()), graph.constant(f"{layer}.bias", bias.numpy())
            x = graph.add("Conv", x, *names, strides=[self.stride] * 2, pads=[before, before, after, after])
            if self.pool:
                window = [self.window] * 2
                x = graph.add("MaxPool", x, kernel_shape=window, strides=window, ceil_mode=1)
            x = graph.add("Relu", x)
            size = places(size, HALVING)
        return graph.add("Flatten", graph.add("Transpose", x, perm=[0, 2, 3, 1]))


def _folded(parameters: Parameters, statistics: Parameters, layer: str) -> tuple[Tensor, Tensor]:
    """Weight [F, C, 3, 3] and bias [F] of a convolution and the batch norm after it."""
    mean, variance = (statistics[f"{layer}.{name}"].double() for name in ("mean", "variance"))
    weight, gamma, beta = (parameters[f"{layer}.{name}"].double() for name in ("weight", "gamma", "beta"))
    scale = gamma * torch.rsqrt(variance + EPSILON)
    kernels = (weight * scale).view(KERNEL, KERNEL, -1, scale.shape[1]).permute(3, 2, 0, 1)
    return kernels.float().contiguous(), (beta - mean * scale).flatten().float()
