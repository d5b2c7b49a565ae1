"""The adaptable part of a learner for photographs: the last 1×1 convolution of its encoder's network, for T tasks."""

import math
from dataclasses import dataclass
from itertools import product

import torch
from torch import Tensor
from torch.nn.functional import normalize

from models.parameters import Parameters

WEIGHT, BIAS = "top.weight", "top.bias"
LARGEST = 6.0  # of ReLU6
SMALLEST = 1e-6  # keeps the square root's slope finite
QUARTERS = 4


@dataclass(frozen=True)
class Projection:
    """relu6(x · W + b) at each place → means over the image and over its quarters → square root → length 1.

    The square root keeps strong features from outweighing many weak ones (Hellinger; Arandjelović 2012). The quarters,
    which overlap in the middle row and column of an odd side, weigh as much together as the whole image.
    """

    inputs: int
    outputs: int

    @property
    def features(self) -> int:
        """Length of an image's feature vector."""
        return (1 + QUARTERS) * self.outputs

    def initialize(self, generator: torch.Generator) -> Parameters:
        """Fresh parameters without a task dimension: Glorot-uniform weight, bias 0."""
        bound = math.sqrt(6 / (self.inputs + self.outputs))
        weight = torch.empty(self.inputs, self.outputs).uniform_(-bound, bound, generator=generator)
        return {WEIGHT: weight, BIAS: torch.zeros(1, self.outputs)}

    def __call__(
        self,
        parameters: Parameters,
        x: Tensor,
        weights: Tensor | None = None,
        frozen: Parameters | None = None,
    ) -> tuple[Tensor, Parameters]:
        """Features [T, B, F] of encoded images x [T, B, H, W, inputs]; there are no batch statistics to return.

        No image's features depend on the others, so `weights` and `frozen` change nothing.
        """
        tasks, batch, height, width, _ = x.shape
        y = torch.baddbmm(parameters[BIAS], x.reshape(tasks, -1, self.inputs), parameters[WEIGHT])
        y = y.clamp(0, LARGEST).view(tasks, batch, height * width, self.outputs)
        means = torch.matmul(regions(height, width).to(y), y)
        parts = normalize((means + SMALLEST).sqrt(), dim=3)
        shares = parts.new_tensor([1 / 2, *[1 / 2 / QUARTERS] * QUARTERS]).sqrt()
        return (parts * shares[:, None]).flatten(start_dim=2), {}


def regions(height: int, width: int) -> Tensor:
    """What each place counts in the means over the image and over its quarters: [5, H · W], rows of sum 1."""
    image = torch.zeros(1 + QUARTERS, height, width)
    image[0] = 1
    tall, wide = -(-height // 2), -(-width // 2)
    for part, (top, left) in enumerate(product((0, height - tall), (0, width - wide)), 1):
        image[part, top : top + tall, left : left + wide] = 1
    flat = image.flatten(start_dim=1)
    return flat / flat.sum(dim=1, keepdim=True)
