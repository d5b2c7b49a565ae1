from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from models.encoders.interface import Encode, Encoder, Weight
from models.export.graph import Graph
from models.inputs.interface import Input
from models.parameters import Parameters
from models.parts import register


@register
class Blur(Encoder):
    """Means of 2×2 pixels times a frozen gain, as one vector."""

    type: Literal["toy-blur"] = "toy-blur"
    gain: float = 1.5

    def output(self, source: Input) -> tuple[int, ...]:
        height, width, channels = source.shape
        return (height // 2 * (width // 2) * channels,)

    def weights(self) -> dict[str, Weight]:
        return {"gain": Weight((1,), torch.float32)}

    def pretrained(self) -> Parameters:
        return {"gain": torch.tensor([self.gain])}

    def build(self, weights: Parameters, source: Input, device: torch.device, threads: int) -> Encode:
        gain = weights["gain"].to(device)

        def encode(examples: Tensor) -> Tensor:
            x = source.normalize(examples.to(device))
            batch, height, width, channels = x.shape
            return x.view(batch, height // 2, 2, width // 2, 2, channels).mean(dim=(2, 4)).flatten(1) * gain

        return encode

    def add_to(self, graph: Graph, weights: Parameters, source: Input, examples: str) -> str:
        height, width, channels = source.shape
        x = graph.reshape(source.add_to(graph, examples), 0, height // 2, 2, width // 2, 2, channels)
        x = graph.add("Flatten", graph.reduce("ReduceMean", x, 2, 4, keepdims=False))
        return graph.add("Mul", x, graph.constant("gain", weights["gain"].numpy()))
