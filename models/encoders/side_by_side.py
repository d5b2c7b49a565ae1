"""Several encoders side by side: each sees the example, and what they make of it is laid end to end."""

import math
from collections.abc import Iterator, Mapping
from typing import Literal

import torch
from pydantic import SerializeAsAny
from torch import Tensor

from models.encoders.interface import Encode, Encoder, Weight
from models.export.graph import Graph
from models.inputs.interface import Input
from models.parameters import Parameters, prefixed, under
from models.parts import register


@register
class SideBySide(Encoder):
    """From examples to [B, D], D the numbers that all of them give."""

    type: Literal["side-by-side"] = "side-by-side"
    encoders: tuple[SerializeAsAny[Encoder], ...]

    def output(self, source: Input) -> tuple[int]:
        """See Encoder."""
        return (sum(math.prod(encoder.output(source)) for encoder in self.encoders),)

    def missing(self) -> str | None:
        """See Encoder: of the first that misses something."""
        return next(filter(None, (encoder.missing() for encoder in self.encoders)), None)

    def weights(self) -> Mapping[str, Weight]:
        """Name those of all, each encoder's after its place and a dot."""
        named = ((prefix, encoder.weights()) for prefix, encoder in self._named())
        return {prefix + name: weight for prefix, weights in named for name, weight in weights.items()}

    def pretrained(self) -> Parameters:
        """See Encoder."""
        found = (prefixed(prefix, encoder.pretrained()) for prefix, encoder in self._named())
        return {name: tensor for weights in found for name, tensor in weights.items()}

    def build(self, weights: Parameters, source: Input, device: torch.device, threads: int) -> Encode:
        """See Encoder."""
        parts = [encoder.build(under(prefix, weights), source, device, threads) for prefix, encoder in self._named()]

        def encode(examples: Tensor) -> Tensor:
            return torch.cat([part(examples).flatten(start_dim=1) for part in parts], dim=1)

        return encode

    def add_to(self, graph: Graph, weights: Parameters, source: Input, examples: str) -> str:
        """See Encoder."""
        made = [
            encoder.add_to(graph.under(prefix), under(prefix, weights), source, examples)
            for prefix, encoder in self._named()
        ]
        return graph.add("Concat", *(graph.add("Flatten", each) for each in made), axis=1)

    def _named(self) -> Iterator[tuple[str, Encoder]]:
        return ((f"{place}.", encoder) for place, encoder in enumerate(self.encoders))
