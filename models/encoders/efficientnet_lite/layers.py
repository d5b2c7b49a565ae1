"""EfficientNet-Lite as a list of layers, which the torch and the ONNX encoder both follow.

Source: Tan and Le 2019 (arXiv:1905.11946), table 1 and equation 3, in the Lite variant of TensorFlow's TPU models: no
squeeze and excitation, ReLU6 for swish, and stem, top and the number of blocks in the first and last stage fixed.

Weights are a flat dict of float tensors, batch norm folded in, rows O outputs of I inputs each:

    stem.weight [32, 3, 3, 3], stem.bias [32]
    block<i>.expand.weight [6·I, I, 1, 1], .bias [6·I]    (not in block0)
    block<i>.depthwise.weight [6·I, 1, k, k], .bias [6·I]
    block<i>.project.weight [O, 6·I, 1, 1], .bias [O]
    top.weight [1280, I, 1, 1], top.bias [1280]
"""

import math
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from models.networks.padding import places, same_padding

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
DIVISOR = 8  # of every number of channels
FEATURES = 1280
"""Channels of the top, whose mean over places is what ImageNet's classifier sees."""


class Scale(NamedTuple):
    """What tells a variant from variant 0: factors of its channels and blocks, and the side it was trained at."""

    width: float
    depth: float
    size: int


SCALES = (Scale(1.0, 1.0, 224), Scale(1.0, 1.1, 240), Scale(1.1, 1.2, 260))


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
        """Places along an axis of `size` pixels."""
        return places(size, self.stride)

    def padding(self, size: int) -> tuple[int, int]:
        """Zeros before and after an axis of `size` pixels."""
        return same_padding(size, self.kernel, self.stride)


class Block(NamedTuple):
    """An inverted bottleneck; with `residual` its input is added to what its layers make of it."""

    number: int
    layers: tuple[Layer, ...]
    residual: bool

    @property
    def inputs(self) -> int:
        """Channels that enter it."""
        return self.layers[0].inputs

    @property
    def outputs(self) -> int:
        """Channels that leave it."""
        return self.layers[-1].outputs

    def places(self, size: int) -> int:
        """Places along an axis of `size`."""
        for layer in self.layers:
            size = layer.places(size)
        return size


STEM = Layer("stem", 3, 2, 3, 32)


@cache
def blocks(variant: int) -> tuple[Block, ...]:
    """Return the blocks of EfficientNet-Lite0, 1 or 2, between stem and top."""
    made: list[Block] = []
    inputs = STEM.outputs
    for repeats, kernel, first_stride, expansion, outputs in _stages(SCALES[variant]):
        for repeat in range(repeats):
            stride = 1 if repeat else first_stride
            made.append(_block(len(made), kernel, stride, expansion, inputs, outputs))
            inputs = outputs
    return tuple(made)


def top(variant: int) -> Layer:
    """Return the convolution after the last block."""
    return Layer("top", 1, 1, blocks(variant)[-1].outputs, FEATURES)


def places_before(variant: int, size: int, block: int) -> int:
    """Return the places along an axis that a block gets of pictures of `size` pixels a side."""
    side = STEM.places(size)
    for each in blocks(variant)[:block]:
        side = each.places(side)
    return side


def _stages(scale: Scale) -> Iterator[tuple[int, int, int, int, int]]:
    """STAGES as a variant has them."""
    for number, (repeats, kernel, stride, expansion, outputs) in enumerate(STAGES):
        inner = 0 < number < len(STAGES) - 1
        scaled = math.ceil(repeats * scale.depth) if inner else repeats
        yield scaled, kernel, stride, expansion, _rounded(outputs * scale.width)


def _rounded(channels: float) -> int:
    """The nearest multiple of DIVISOR that is no more than a tenth below."""
    nearest = int(channels + DIVISOR / 2) // DIVISOR * DIVISOR
    return nearest if nearest >= 0.9 * channels else nearest + DIVISOR


def _block(number: int, kernel: int, stride: int, expansion: int, inputs: int, outputs: int) -> Block:
    name, wide = f"block{number}", expansion * inputs
    expand = (Layer(f"{name}.expand", 1, 1, inputs, wide),) if expansion > 1 else ()
    depthwise = Layer(f"{name}.depthwise", kernel, stride, wide, wide, depthwise=True)
    project = Layer(f"{name}.project", 1, 1, wide, outputs, clipped=False)
    return Block(number, (*expand, depthwise, project), residual=stride == 1 and inputs == outputs)
