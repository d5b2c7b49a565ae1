"""A head of a fixed number of classes, learned with the rest."""

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from models.errors import SupportError
from models.heads.interface import Head
from models.heads.linear import HEAD_BIAS, HEAD_WEIGHT
from models.networks.interface import Network
from models.parameters import Parameters
from models.parts import register
from models.tasks import TaskBatch


@register
class DenseHead(Head):
    """The paper's dense layer. It is part of theta, and depends on the order of the labels."""

    type: Literal["dense"] = "dense"
    ways: int = Field(ge=2)

    @property
    def fixed_ways(self) -> int | None:
        """Its number of classes."""
        return self.ways

    def check(self, ways: int) -> None:
        """Raise SupportError for another number of classes than its own."""
        super().check(ways)
        if ways != self.ways:
            raise SupportError(
                f"This checkpoint has a head of exactly {self.ways} classes, and the support set has {ways}. "
                f"Send {self.ways} classes or choose another checkpoint."
            )

    def shapes(self, features: int) -> dict[str, tuple[int, ...]]:
        """See Head."""
        return {HEAD_WEIGHT: (self.ways, features), HEAD_BIAS: (self.ways,)}

    def moment_shapes(self, features: int) -> dict[str, tuple[int, ...]]:
        """As theta's."""
        return self.shapes(features)

    def initialize(self, features: int, generator: torch.Generator) -> Parameters:
        """Return a Glorot-uniform weight and a bias of 0."""
        bound = (6 / (features + self.ways)) ** 0.5
        weight = torch.empty(self.ways, features).uniform_(-bound, bound, generator=generator)
        return {HEAD_WEIGHT: weight, HEAD_BIAS: torch.zeros(self.ways)}

    def start(self, network: Network, parameters: Parameters, support: TaskBatch) -> Parameters:
        """Nothing: theta has it."""
        return {}

    def build(self, features: Tensor, labels: Tensor, ways: Tensor) -> Parameters:
        """Nothing: it is learned, not made of a support set."""
        return {}
