"""The adaptable part of a learner for photographs: the last layers of EfficientNet-Lite0, for T tasks at once."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import torch
from torch import Tensor
from torch.nn.functional import conv2d, normalize, relu6

from models.encoders.efficientnet_lite.spec import BLOCKS, TOP, Block, Layer
from models.parameters import Parameters

SMALLEST = 3e-3  # added to the means, so that the square root's slope at next to nothing stays small
QUARTERS = 4
PLACES = 7**2  # of an encoded image of 224 pixels a side
KERNEL = 3  # of the block's depthwise convolution


@dataclass(frozen=True)
class LastBlock:
    """The last inverted bottleneck and the 1×1 convolution after it, then five means of their outputs over places.

    The means are over the image and its quarters, which overlap in the middle row and column of an odd side; each is
    brought to length 1 after a square root, so that strong features don't outweigh many weak ones (Hellinger;
    Arandjelović and Zisserman 2012). The quarters weigh as much together as the whole image.
    """

    @property
    def first(self) -> int:
        """Number of frozen blocks before it."""
        return self.block.number

    @property
    def block(self) -> Block:
        """The inverted bottleneck."""
        return BLOCKS[-1]

    @property
    def features(self) -> int:
        """Length of an image's feature vector."""
        return (1 + QUARTERS) * TOP.outputs

    @property
    def activations(self) -> int:
        """See Network."""
        expand, depthwise, project = self.block.layers
        rectified = expand.outputs + depthwise.outputs + TOP.outputs  # there before it and after
        return 2 * PLACES * (expand.inputs + 2 * rectified + project.outputs)

    def shapes(self) -> Iterator[tuple[str, tuple[int, ...]]]:
        """Name and shape of every parameter, without a task dimension; weights have inputs first."""
        for layer in (*self.block.layers, TOP):
            inputs = layer.kernel**2 if layer.depthwise else layer.inputs
            yield f"{layer.name}.weight", (inputs, layer.outputs)
            yield f"{layer.name}.bias", (1, layer.outputs)

    def initialize(self, generator: torch.Generator) -> Parameters:
        """Fresh parameters without a task dimension: uniform weights, biases 0. ImageNet's are a better start."""
        parameters = {}
        for name, shape in self.shapes():
            bound = (6 / sum(shape)) ** 0.5 if name.endswith("weight") else 0.0
            parameters[name] = torch.empty(shape).uniform_(-bound, bound, generator=generator)
        return parameters

    def __call__(
        self,
        parameters: Parameters,
        x: Tensor,
        weights: Tensor | None = None,
        frozen: Parameters | None = None,
    ) -> tuple[Tensor, Parameters]:
        """As `Network`, of encoded images x [T, B, H, W, C]; no image changes another's, so nothing is frozen."""
        expand, depthwise, project = self.block.layers
        y = relu6(_pointwise(parameters, expand, x))
        y = relu6(_depthwise(parameters, depthwise, y))
        y = _pointwise(parameters, project, y)
        y = relu6(_pointwise(parameters, TOP, y))
        means = torch.matmul(regions(*x.shape[2:4]).to(y), y.flatten(2, 3))
        parts = normalize((means + SMALLEST).sqrt(), dim=3)
        shares = parts.new_tensor([1 / 2, *[1 / 2 / QUARTERS] * QUARTERS]).sqrt()
        return (parts * shares[:, None]).flatten(start_dim=2), {}


def regions(height: int, width: int) -> Tensor:
    """What each place counts in the means over the image and over its quarters: [5, H · W], rows of sum 1."""
    image = torch.zeros(1 + QUARTERS, height, width)
    image[0] = 1
    tall, wide = -(-height // 2), -(-width // 2)
    for part, (top, left) in enumerate(product((0, height - tall), (0, width - wide)), 1):
        image[part, top : top + tall, left : left + wide] = 1
    flat = image.flatten(start_dim=1)
    return flat / flat.sum(dim=1, keepdim=True)


def _pointwise(parameters: Parameters, layer: Layer, x: Tensor) -> Tensor:
    """A 1×1 convolution: [T, B, H, W, I] → [T, B, H, W, O]."""
    y = torch.baddbmm(parameters[f"{layer.name}.bias"], x.flatten(1, 3), parameters[f"{layer.name}.weight"])
    return y.view(*x.shape[:-1], -1)


def _depthwise(parameters: Parameters, layer: Layer, x: Tensor) -> Tensor:
    """A 3×3 convolution of each channel by itself, SAME: [T, B, H, W, C] → the same."""
    tasks, batch, height, width, channels = x.shape
    images = x.permute(1, 0, 4, 2, 3).reshape(batch, tasks * channels, height, width)
    kernels = parameters[f"{layer.name}.weight"].transpose(1, 2).reshape(tasks * channels, 1, KERNEL, KERNEL)
    y = conv2d(images, kernels, parameters[f"{layer.name}.bias"].flatten(), padding=1, groups=tasks * channels)
    return y.view(batch, tasks, channels, height, width).permute(1, 0, 3, 4, 2)
