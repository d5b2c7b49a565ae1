from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from models.export.graph import Graph
from models.networks.interface import Network
from models.parameters import Parameters
from models.parts import register


@register
class Squash(Network):
    """tanh(x·w + b), by element."""

    type: Literal["toy-squash"] = "toy-squash"
    size: int

    @property
    def takes(self) -> tuple[int, ...]:
        return (self.size,)

    @property
    def features(self) -> int:
        return self.size

    @property
    def activations(self) -> int:
        return 4 * self.size

    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {"squash.w": (1, self.size), "squash.b": (1, self.size)}

    def initialize(self, generator: torch.Generator) -> Parameters:
        return {"squash.w": torch.rand(1, self.size, generator=generator) + 0.5, "squash.b": torch.zeros(1, self.size)}

    def __call__(
        self, parameters: Parameters, x: Tensor, weights: Tensor | None = None, frozen: Parameters | None = None
    ) -> tuple[Tensor, Parameters]:
        return (x * parameters["squash.w"] + parameters["squash.b"]).tanh(), {}

    def add_to(self, graph: Graph, parameters: Parameters, statistics: Parameters, x: str) -> str:
        x = graph.add("Mul", x, graph.constant("squash.w", parameters["squash.w"].numpy()))
        return graph.add("Tanh", graph.add("Add", x, graph.constant("squash.b", parameters["squash.b"].numpy())))
