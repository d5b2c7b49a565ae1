"""A multi-layer perceptron, for vectors: the network of the paper's sine waves, and of a robot's dynamics."""

import math
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Literal

import torch
from pydantic import Field, PositiveInt
from torch import Tensor

from models.export.graph import Graph
from models.networks.interface import Network
from models.parameters import Parameters
from models.parts import register

ACTIVATIONS: Mapping[str, tuple[Callable[[Tensor], Tensor], str]] = {
    "tanh": (torch.tanh, "Tanh"),
    "relu": (torch.relu, "Relu"),
}
"""Of each name, the function and ONNX's operator."""


@register
class MLP(Network):
    """Hidden layers of these sizes, each with its activation; the last one's are the features."""

    type: Literal["mlp"] = "mlp"
    size: PositiveInt
    """Length of what it takes."""
    hidden: tuple[PositiveInt, ...] = Field(min_length=1)
    activation: Literal["tanh", "relu"] = "tanh"

    @property
    def takes(self) -> tuple[int, ...]:
        """A vector's length."""
        return (self.size,)

    @property
    def features(self) -> int:
        """Size of the last layer."""
        return self.hidden[-1]

    @property
    def activations(self) -> int:
        """See Network; twice for the gradients."""
        return 2 * (self.size + 2 * sum(self.hidden))

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """See Network."""
        shapes: dict[str, tuple[int, ...]] = {}
        for layer, (inputs, outputs) in enumerate(pairwise((self.size, *self.hidden)), 1):
            shapes |= {f"layer{layer}.weight": (inputs, outputs), f"layer{layer}.bias": (1, outputs)}
        return shapes

    def initialize(self, generator: torch.Generator) -> Parameters:
        """Return weights and biases uniform within 1/√fan-in, as torch.nn.Linear has them."""
        parameters, bound = {}, 1.0
        for name, shape in self.shapes().items():
            if name.endswith("weight"):
                bound = 1 / math.sqrt(shape[0])
            parameters[name] = torch.empty(shape).uniform_(-bound, bound, generator=generator)
        return parameters

    def __call__(
        self,
        parameters: Parameters,
        x: Tensor,
        weights: Tensor | None = None,
        frozen: Parameters | None = None,
    ) -> tuple[Tensor, Parameters]:
        """As Network, of vectors x [T, B, size]; no example changes another's, so nothing is frozen."""
        activate, _ = ACTIVATIONS[self.activation]
        for layer in range(1, len(self.hidden) + 1):
            x = activate(torch.baddbmm(parameters[f"layer{layer}.bias"], x, parameters[f"layer{layer}.weight"]))
        return x, {}

    def add_to(self, graph: Graph, parameters: Parameters, statistics: Parameters, x: str) -> str:
        """See Network."""
        _, operator = ACTIVATIONS[self.activation]
        for layer in range(1, len(self.hidden) + 1):
            names = (f"layer{layer}.weight", f"layer{layer}.bias")
            weight, bias = (graph.constant(name, parameters[name].numpy()) for name in names)
            x = graph.add(operator, graph.add("Gemm", x, weight, bias))
        return x
