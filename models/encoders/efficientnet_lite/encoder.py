"""EfficientNet-Lite up to a block, frozen: by ONNX Runtime on a CPU, by torch elsewhere, a few images at a time.

On a CPU few images stay in the caches, and no image's encoding depends on which others came with it.
"""

from typing import Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor

from models.encoders.efficientnet_lite.layers import SCALES, STEM, Block, Layer, blocks, places_before
from models.encoders.efficientnet_lite.nodes import add_block, add_layer, add_normalized
from models.encoders.efficientnet_lite.plain import encode
from models.encoders.efficientnet_lite.pretrained import imagenet_weights
from models.encoders.interface import HALF, Encode, Encoder, Weight, encode_in_parts
from models.encoders.onnx_session import by_onnx_runtime
from models.export.graph import Graph
from models.inputs.interface import Input
from models.parameters import Parameters, move
from models.parts import register

DEVICE_IMAGES = 32  # about 0.5 GB in the widest block


@register
class EfficientNetLite(Encoder):
    """EfficientNet-Lite0, 1 or 2 (arXiv:1905.11946): its first blocks, with ImageNet's weights."""

    type: Literal["efficientnet-lite"] = "efficientnet-lite"
    variant: Literal[0, 1, 2] = 0
    size: int = Field(
        default_factory=lambda fields: SCALES[fields["variant"]].size,
        ge=32,
        description="side of an image in pixels; by default what the variant was trained at",
    )
    until: int = Field(
        default_factory=lambda fields: len(blocks(fields["variant"])),
        ge=1,
        description="number of blocks, all by default; the rest may adapt",
    )

    @model_validator(mode="after")
    def _has_the_blocks(self) -> "EfficientNetLite":
        if self.until > len(blocks(self.variant)):
            raise ValueError(f"until is {self.until}; EfficientNet-Lite{self.variant} has {len(blocks(self.variant))}")
        return self

    @property
    def blocks(self) -> tuple[Block, ...]:
        """The frozen blocks."""
        return blocks(self.variant)[: self.until]

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The frozen layers, from the first."""
        return (STEM, *(layer for block in self.blocks for layer in block.layers))

    @property
    def shape(self) -> tuple[int, int, int]:
        """H, W, C of the last frozen block's output: 7, 7, 320 of the whole of variant 0 at 224 pixels."""
        side = places_before(self.variant, self.size, self.until)
        return side, side, self.blocks[-1].outputs

    def output(self, source: Input) -> tuple[int, ...]:
        """See Encoder."""
        if source.example != (3, self.size, self.size) or source.dtype != torch.uint8:
            raise ValueError(f"EfficientNet-Lite takes colour images of {self.size} pixels a side")
        return self.shape

    def weights(self) -> dict[str, Weight]:
        """Name the weight [O, I of a group, k, k] and the bias [O] of every layer."""
        named = {f"{layer.name}.weight": layer.weight_shape for layer in self.layers}
        named |= {f"{layer.name}.bias": (layer.outputs,) for layer in self.layers}
        return {name: Weight(shape, HALF) for name, shape in named.items()}

    def pretrained(self) -> Parameters:
        """Return ImageNet's weights. Raise WeightsError where their package isn't installed."""
        found = imagenet_weights(self.variant)
        return {name: found[name] for name in self.weights()}

    def build(self, weights: Parameters, source: Input, device: torch.device, threads: int) -> Encode:
        """See Encoder."""
        if device.type == "cpu":
            return by_onnx_runtime(self, weights, source, threads)
        return self.by_torch(weights, device)

    def by_torch(self, weights: Parameters, device: torch.device) -> Encode:
        """Return what encodes on any device, in float32."""
        placed = move(move({name: weights[name] for name in self.weights()}, device), torch.float32)

        def part(images: Tensor) -> Tensor:
            return encode(placed, images.to(device), self.blocks)

        return lambda images: encode_in_parts(part, images, DEVICE_IMAGES)

    def add_to(self, graph: Graph, weights: Parameters, source: Input, examples: str) -> str:
        """See Encoder."""
        x, size = add_layer(graph, weights, STEM, add_normalized(graph, examples), self.size)
        for block in self.blocks:
            x, size = add_block(graph, weights, block, x, size)
        return graph.add("Transpose", x, perm=[0, 2, 3, 1])
