"""EfficientNet-Lite0 as a list of layers, which the torch and the ONNX encoder both follow.

Source: Tan and Le 2019 (arXiv:1905.11946), table 1, in the Lite variant of TensorFlow's TPU models: no squeeze and
excitation, ReLU6 for swish, and stem and top of fixed width.

Weights are a flat dict of float tensors, batch norm folded in, rows O outputs of I inputs each:

    stem.weight [32, 3, 3, 3], stem.bias [32]
    block<i>.expand.weight [6·I, I, 1, 1], .bias [6·I]    (not in block0)
    block<i>.depthwise.weight [6·I, 1, k, k], .bias [6·I]
    block<i>.project.weight [O, 6·I, 1, 1], .bias [O]
"""

from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, Field, model_validator
from torch import Tensor

MEAN, STD = 127.0, 128.0  # of pixels from 0 to 255: the encoder sees (x − 127) / 128
STAGES = (  # blocks, kernel, stride of the first, expansion, outputs
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)


class Layer(NamedTuple):
    """A convolution with SAME padding and a bias, then ReLU6 if `clipped`."""

    name: str
    kernel: int
    stride: int
    inputs: int
    outputs: int
    depthwise: bool = False
    clipped: bool = True

    @property
    def groups(self) -> int:
        """Groups of channels that see only one another."""
        return self.inputs if self.depthwise else 1

    @property
    def weight_shape(self) -> tuple[int, ...]:
        """[O, I of a group, k, k]."""
        return self.outputs, self.inputs // self.groups, self.kernel, self.kernel

    def places(self, size: int) -> int:
        """Places along an axis of `size`: ceil(size / stride)."""
        return -(-size // self.stride)

    def padding(self, size: int) -> tuple[int, int]:
        """Zeros before and after an axis of `size` (TensorFlow's SAME)."""
        total = max((self.places(size) - 1) * self.stride + self.kernel - size, 0)
        return total // 2, total - total // 2


class Block(NamedTuple):
    """An inverted bottleneck; with `residual` its input is added to what its layers make of it."""

    number: int
    layers: tuple[Layer, ...]
    residual: bool

    @property
    def outputs(self) -> int:
        """Channels that leave it."""
        return self.layers[-1].outputs

    def places(self, size: int) -> int:
        """Places along an axis of `size`."""
        for layer in self.layers:
            size = layer.places(size)
        return size


def _block(number: int, kernel: int, stride: int, expansion: int, inputs: int, outputs: int) -> Block:
    name, wide = f"block{number}", expansion * inputs
    expand = (Layer(f"{name}.expand", 1, 1, inputs, wide),) if expansion > 1 else ()
    depthwise = Layer(f"{name}.depthwise", kernel, stride, wide, wide, depthwise=True)
    project = Layer(f"{name}.project", 1, 1, wide, outputs, clipped=False)
    return Block(number, (*expand, depthwise, project), residual=stride == 1 and inputs == outputs)


def _blocks(inputs: int) -> tuple[Block, ...]:
    blocks: list[Block] = []
    for repeats, kernel, first_stride, expansion, outputs in STAGES:
        for repeat in range(repeats):
            stride = 1 if repeat else first_stride
            blocks.append(_block(len(blocks), kernel, stride, expansion, inputs, outputs))
            inputs = outputs
    return tuple(blocks)


STEM = Layer("stem", 3, 2, 3, 32)
BLOCKS = _blocks(STEM.outputs)
TOP = Layer("top", 1, 1, BLOCKS[-1].outputs, 1280)  # the layer after them, whose mean over places is what it classifies


class EncoderSpec(BaseModel):
    """How much of EfficientNet-Lite0 is frozen, and what of it is kept of an image."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    size: int = Field(default=224, ge=32, description="side of an image in pixels")
    until: int = Field(default=len(BLOCKS), ge=1, le=len(BLOCKS), description="number of blocks; the rest may adapt")
    taps: tuple[int, ...] = Field(default=(), description="blocks whose outputs are averaged over places and kept too")

    @model_validator(mode="after")
    def _taps_are_blocks_in_order(self) -> "EncoderSpec":
        if list(self.taps) != sorted(set(self.taps)) or not set(self.taps) <= set(range(self.until)):
            raise ValueError(f"taps {self.taps} must be ascending numbers of blocks, from 0 to {self.until - 1}")
        return self

    @property
    def blocks(self) -> tuple[Block, ...]:
        """The frozen blocks."""
        return BLOCKS[: self.until]

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The frozen layers, from the first."""
        return (STEM, *(layer for block in self.blocks for layer in block.layers))

    @property
    def shape(self) -> tuple[int, int, int]:
        """H, W, C of the last frozen block's output: 7, 7, 320 of the whole encoder at 224 pixels."""
        side = STEM.places(self.size)
        for block in self.blocks:
            side = block.places(side)
        return side, side, self.blocks[-1].outputs

    @property
    def pooled(self) -> int:
        """Length F of the tapped blocks' means."""
        return sum(BLOCKS[tap].outputs for tap in self.taps)

    @property
    def weight_shapes(self) -> dict[str, tuple[int, ...]]:
        """The name and shape of every weight of the frozen part."""
        weights = {f"{layer.name}.weight": layer.weight_shape for layer in self.layers}
        return weights | {f"{layer.name}.bias": (layer.outputs,) for layer in self.layers}


class Encoded(NamedTuple):
    """B images' outputs of the last block [B, H, W, C], and means of the tapped blocks' outputs [B, F]; float32."""

    places: Tensor
    pooled: Tensor
