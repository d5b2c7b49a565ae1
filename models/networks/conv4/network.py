"""The four-layer convolutional networks of the Reptile paper, for T tasks at once."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from models.networks.conv4.block import KERNEL, Statistics
from models.networks.conv4.compiled.kernels import compilation
from models.networks.conv4.convolution import convolution_block
from models.networks.conv4.gradient import Conv4Gradient
from models.parameters import Parameters

LAYERS = 4
HALVING = 2  # of each layer, by its stride or by its pooling
REDUCTION = 16  # of four layers


@dataclass(frozen=True)
class Conv4:
    """4 × [3×3 convolution at stride 2, SAME → batch norm → ReLU] (Nichol et al. 2018, section 6.1).

    With `pool`, as for Mini-ImageNet: stride 1, and a 2×2 maximum, SAME, before each ReLU. The convolutions have no
    bias: the batch norm after them would take it away again.
    """

    channels: int
    size: int
    filters: int = 64
    pool: bool = False

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

    def initialize(self, generator: torch.Generator) -> Parameters:
        """Fresh parameters without a task dimension: Glorot-uniform weights, gamma 1, beta 0."""
        parameters: Parameters = {}
        channels = self.channels
        for layer in range(1, LAYERS + 1):
            bound = math.sqrt(6 / (KERNEL**2 * (channels + self.filters)))
            weight = torch.empty(KERNEL**2 * channels, self.filters).uniform_(-bound, bound, generator=generator)
            parameters[f"conv{layer}.weight"] = weight
            parameters[f"conv{layer}.gamma"] = torch.ones(1, self.filters)
            parameters[f"conv{layer}.beta"] = torch.zeros(1, self.filters)
            channels = self.filters
        return parameters

    def __call__(
        self,
        parameters: Parameters,
        x: Tensor,
        weights: Tensor | None = None,
        frozen: Parameters | None = None,
    ) -> tuple[Tensor, Parameters]:
        """Features [T, B, features] of images x [T, B, H, W, C], and the batch-norm statistics they were made with.

        `weights` [T, B], 1 or 0, leaves padding out of the batch statistics; `frozen` statistics, as an earlier call
        returned them, take the place of the batch's.
        """
        statistics: Parameters = {}
        for layer in (f"conv{number}" for number in range(1, LAYERS + 1)):
            given = Statistics(frozen[f"{layer}.mean"], frozen[f"{layer}.variance"]) if frozen else None
            weight, gamma, beta = (parameters[f"{layer}.{part}"] for part in ("weight", "gamma", "beta"))
            x, used = convolution_block(x, weight, gamma, beta, self.stride, self.window, weights, given)
            statistics[f"{layer}.mean"], statistics[f"{layer}.variance"] = used
        return x.flatten(start_dim=2), statistics

    def gradient(self, device: torch.device) -> Conv4Gradient | None:
        """Return a faster gradient than autograd's of the mean cross-entropy under a linear head, if there is one."""
        if not compilation.supports(device):
            return None
        return Conv4Gradient([f"conv{layer}" for layer in range(1, LAYERS + 1)], self.stride, self.window)
