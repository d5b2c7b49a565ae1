"""A linear map of an encoder's features, which starts as the identity: the adaptable part behind any encoder."""

from collections.abc import Collection
from typing import Literal

import torch
from pydantic import PositiveInt
from torch import Tensor
from torch.nn.functional import normalize

from models.export.graph import Graph
from models.networks.interface import Network
from models.networks.packing import pack, unpack
from models.parameters import Parameters
from models.parts import register

WEIGHT = "map.weight"


@register
class LinearMap(Network):
    """x → x·W / ‖x·W‖, W [F, F]. Before the first step its features are the encoder's own, at length 1."""

    type: Literal["linear-map"] = "linear-map"
    size: PositiveInt
    """F."""

    @property
    def takes(self) -> tuple[int]:
        """F."""
        return (self.size,)

    @property
    def features(self) -> int:
        """F."""
        return self.size

    @property
    def activations(self) -> int:
        """See Network; twice for the gradients."""
        return 2 * 3 * self.size

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """See Network."""
        return {WEIGHT: (self.size, self.size)}

    def initialize(self, generator: torch.Generator) -> Parameters:
        """Return the identity."""
        return {WEIGHT: torch.eye(self.size)}

    def __call__(
        self,
        parameters: Parameters,
        x: Tensor,
        weights: Tensor | None = None,
        frozen: Parameters | None = None,
    ) -> tuple[Tensor, Parameters]:
        """As Network, of encoded examples x [T, B, F]; no example changes another's, so nothing is frozen."""
        return normalize(torch.bmm(x, parameters[WEIGHT]), dim=2), {}

    def pack(self, tensors: Parameters, theta: Parameters, coarse: Collection[str] = ()) -> Parameters:
        """Return what changed in 8 bits; class means may be negative here, and are kept finer than `coarse` says."""
        return pack(tensors, theta)

    def unpack(self, packed: Parameters, theta: Parameters) -> Parameters:
        """See Network."""
        return unpack(packed, theta)

    def add_to(self, graph: Graph, parameters: Parameters, statistics: Parameters, x: str) -> str:
        """See Network."""
        x = graph.add("MatMul", x, graph.constant(WEIGHT, parameters[WEIGHT].numpy()))
        return graph.normalize(x, axis=1)
