"""The adaptable part of a learner for photographs: the last 1×1 convolution of its encoder's network, for T tasks."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import normalize

from models.parameters import Parameters

WEIGHT, BIAS = "top.weight", "top.bias"
LARGEST = 6.0  # of ReLU6
SMALLEST = 1e-6  # keeps the square root's slope finite


@dataclass(frozen=True)
class Projection:
    """relu6(x · W + b) at each place → mean over places → square root → length 1 (Hellinger; Arandjelović 2012)."""

    inputs: int
    outputs: int

    @property
    def features(self) -> int:
        """Length of an image's feature vector."""
        return self.outputs

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
        """Features [T, B, outputs] of encoded images x [T, B, H, W, inputs]; there are no batch statistics to return.

        No image's features depend on the others, so `weights` and `frozen` change nothing.
        """
        tasks, batch = x.shape[:2]
        y = torch.baddbmm(parameters[BIAS], x.reshape(tasks, -1, self.inputs), parameters[WEIGHT])
        means = y.clamp(0, LARGEST).view(tasks, batch, -1, self.outputs).mean(dim=2)
        return normalize((means + SMALLEST).sqrt(), dim=2), {}
