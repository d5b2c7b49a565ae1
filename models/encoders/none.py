"""No encoder: the network takes examples as the input normalizes them."""

from typing import Literal

import torch
from torch import Tensor

from models.encoders.interface import Encode, Encoder, Weight
from models.export.graph import Graph
from models.inputs.interface import Input
from models.parameters import Parameters
from models.parts import register


@register
class NoEncoder(Encoder):
    """For networks that adapt from the first layer on."""

    type: Literal["none"] = "none"

    def output(self, source: Input) -> tuple[int, ...]:
        """See Encoder."""
        return source.shape

    def weights(self) -> dict[str, Weight]:
        """None."""
        return {}

    def pretrained(self) -> Parameters:
        """None."""
        return {}

    def build(self, weights: Parameters, source: Input, device: torch.device, threads: int) -> Encode:
        """See Encoder."""
        return lambda examples: source.normalize(examples.to(device))

    def build_ahead(self, weights: Parameters, source: Input, device: torch.device, threads: int) -> Encode:
        """Leave examples as they are: normalizing is quick, and they are smallest before it."""
        return _unchanged

    def add_to(self, graph: Graph, weights: Parameters, source: Input, examples: str) -> str:
        """See Encoder."""
        return source.add_to(graph, examples)


def _unchanged(examples: Tensor) -> Tensor:
    return examples
