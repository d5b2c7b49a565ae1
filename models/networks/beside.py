"""A network beside features that don't adapt, which another encoder made of the same examples."""

import math
from collections.abc import Collection, Mapping
from typing import Literal

import torch
from pydantic import Field, PositiveInt, SerializeAsAny
from torch import Tensor

from models.export.graph import Graph
from models.networks.interface import Network
from models.parameters import Parameters
from models.parts import register


@register
class Beside(Network):
    """[x, u] → [√(1 − s) · f(x), √s · u]: x is what the network f takes, laid flat, and u the features beside it.

    Its parameters are those of f, by the same names: what was meta-trained for f alone serves here too.
    """

    type: Literal["beside"] = "beside"
    network: SerializeAsAny[Network]
    fixed: PositiveInt
    """Length U of what is beside."""
    share: float = Field(default=0.5, gt=0, lt=1)
    """s: what u counts of an example's squared length, where f(x) and u are of length 1."""

    @property
    def takes(self) -> tuple[int]:
        """X + U."""
        return (self._own + self.fixed,)

    @property
    def features(self) -> int:
        """Those of f, and U."""
        return self.network.features + self.fixed

    @property
    def activations(self) -> int:
        """See Network."""
        return self.network.activations + 2 * self.fixed

    @property
    def summary(self) -> int:
        """See Network: f's."""
        return self.network.summary

    def summarize(self, encoded: Tensor) -> Tensor:
        """See Network: of what f takes."""
        return self.network.summarize(encoded[:, : self._own].reshape(-1, *self.network.takes))

    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """See Network."""
        return self.network.shapes()

    def initialize(self, generator: torch.Generator) -> Parameters:
        """See Network."""
        return self.network.initialize(generator)

    def pretrained(self) -> Parameters:
        """See Network."""
        return self.network.pretrained()

    def __call__(
        self,
        parameters: Parameters,
        x: Tensor,
        weights: Tensor | None = None,
        frozen: Parameters | None = None,
    ) -> tuple[Tensor, Parameters]:
        """As Network, of x [T, B, X + U]."""
        own, beside = torch.split(x, [self._own, self.fixed], dim=2)
        inputs = own.reshape(*x.shape[:2], *self.network.takes)
        features, statistics = self.network(parameters, inputs, weights, frozen)
        own_weight, weight = self._weights
        return torch.cat([own_weight * features, weight * beside], dim=2), statistics

    def pack(self, tensors: Parameters, theta: Parameters, coarse: Collection[str] = ()) -> Parameters:
        """See Network."""
        return self.network.pack(tensors, theta, coarse)

    def unpack(self, packed: Parameters, theta: Parameters) -> Parameters:
        """See Network."""
        return self.network.unpack(packed, theta)

    def add_to(self, graph: Graph, parameters: Parameters, statistics: Parameters, x: str) -> str:
        """See Network."""
        own, beside = graph.split(x, self._own, self.fixed, axis=1)
        features = self.network.add_to(graph, parameters, statistics, graph.reshape(own, -1, *self.network.takes))
        own_weight, weight = (graph.number(f"weight_{place}", value) for place, value in enumerate(self._weights))
        return graph.add("Concat", graph.add("Mul", features, own_weight), graph.add("Mul", beside, weight), axis=1)

    @property
    def _weights(self) -> tuple[float, float]:
        return math.sqrt(1 - self.share), math.sqrt(self.share)

    @property
    def _own(self) -> int:
        return math.prod(self.network.takes)
