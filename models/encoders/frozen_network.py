"""A network that adapts no more, behind its encoder: together they are an encoder of feature vectors."""

from collections.abc import Mapping
from typing import Literal

import torch
from pydantic import SerializeAsAny
from torch import Tensor

from models.encoders.interface import HALF, Encode, Encoder, Weight
from models.encoders.onnx_session import by_onnx_runtime
from models.export.graph import Graph
from models.inputs.interface import Input
from models.networks.interface import Network
from models.parameters import Parameters, move, prefixed, stack, under
from models.parts import register

BEFORE, BEHIND = "encoder.", "network."


@register
class FrozenNetwork(Encoder):
    """From examples to the features [B, F] that a network makes of them with its pretrained parameters."""

    type: Literal["frozen-network"] = "frozen-network"
    encoder: SerializeAsAny[Encoder]
    network: SerializeAsAny[Network]

    def output(self, source: Input) -> tuple[int]:
        """See Encoder."""
        given = self.encoder.output(source)
        if given != self.network.takes:
            raise ValueError(f"network {self.network.type} takes {self.network.takes}, and it gets {given}")
        return (self.network.features,)

    def weights(self) -> Mapping[str, Weight]:
        """Name the encoder's, and the network's in half precision."""
        own = {BEFORE + name: weight for name, weight in self.encoder.weights().items()}
        return own | {BEHIND + name: Weight(shape, HALF) for name, shape in self.network.shapes().items()}

    def pretrained(self) -> Parameters:
        """See Encoder."""
        behind = move(self.network.pretrained(), HALF)
        return prefixed(BEFORE, self.encoder.pretrained()) | prefixed(BEHIND, behind)

    def build(self, weights: Parameters, source: Input, device: torch.device, threads: int) -> Encode:
        """See Encoder."""
        if device.type == "cpu":
            return by_onnx_runtime(self, weights, source, threads)
        encode = self.encoder.build(under(BEFORE, weights), source, device, threads)
        parameters = stack(move(move(under(BEHIND, weights), device), torch.float32), 1)

        @torch.no_grad()
        def features(examples: Tensor) -> Tensor:
            return self.network(parameters, encode(examples).unsqueeze(0))[0].squeeze(0)

        return features

    def add_to(self, graph: Graph, weights: Parameters, source: Input, examples: str) -> str:
        """See Encoder."""
        encoded = self.encoder.add_to(graph, under(BEFORE, weights), source, examples)
        return self.network.add_to(graph, move(under(BEHIND, weights), torch.float32), {}, encoded)
