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
LEFT, RIGHT = "map.left", "map.right"
"""Factors of a change, as they are kept."""
ITERATIONS = 2


@register
class LinearMap(Network):
    """x → x·W / ‖x·W‖, W [F, F]. Before the first step its features are the encoder's own, at length 1."""

    type: Literal["linear-map"] = "linear-map"
    size: PositiveInt
    """F."""
    rank: PositiveInt | None = None
    """Of the change that is kept of W, by its largest singular values; None keeps all of it. Plain gradient descent on
    S examples changes W by no more than rank S."""

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
        if self.rank is None:
            return pack(tensors, theta)
        others = {name: tensor for name, tensor in tensors.items() if name != WEIGHT}
        change = tensors[WEIGHT] - theta[WEIGHT]
        return pack(others | (factors(change, self.rank) if change.any() else {}), {})

    def unpack(self, packed: Parameters, theta: Parameters) -> Parameters:
        """See Network."""
        tensors = unpack(packed, theta)
        if self.rank is None or WEIGHT in tensors:
            return tensors
        left, right = tensors.pop(LEFT, None), tensors.pop(RIGHT, None)
        return tensors | {WEIGHT: theta[WEIGHT] if left is None or right is None else theta[WEIGHT] + left.T @ right}

    def add_to(self, graph: Graph, parameters: Parameters, statistics: Parameters, x: str) -> str:
        """See Network."""
        x = graph.add("MatMul", x, graph.constant(WEIGHT, parameters[WEIGHT].numpy()))
        return graph.normalize(x, axis=1)


def factors(change: Tensor, rank: int) -> Parameters:
    """Return LEFT and RIGHT [R, F], whose product LEFTᵀ·RIGHT is the nearest to a change [F, F] of so low a rank.

    By subspace iteration (Halko et al. 2011, algorithm 4.4), from the same start each time: exact where the change is
    of no higher rank, and much quicker than all its singular values.
    """
    start = torch.randn(len(change), rank, generator=torch.Generator().manual_seed(0)).to(change)
    basis = torch.linalg.qr(change @ start).Q
    for _ in range(ITERATIONS):
        basis = torch.linalg.qr(change @ (change.T @ basis)).Q
    return {LEFT: basis.T.contiguous(), RIGHT: basis.T @ change}
