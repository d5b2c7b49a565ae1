"""The adaptable end of EfficientNet-Lite, for photographs: its last layers, for T tasks at once."""

from collections.abc import Collection, Iterator
from functools import cache
from itertools import product
from typing import Literal

import torch
from pydantic import PositiveInt
from torch import Tensor
from torch.nn.functional import conv2d, normalize, relu6

from models.encoders.efficientnet_lite.layers import FEATURES, Block, Layer, blocks, places_before, top
from models.encoders.efficientnet_lite.nodes import add_block, add_layer
from models.encoders.efficientnet_lite.pretrained import imagenet_weights
from models.export.graph import Graph
from models.networks.interface import Network
from models.networks.packing import pack, unpack
from models.parameters import Parameters
from models.parts import register

SMALLEST = 3e-3  # added to the means, so that the square root's slope at next to nothing stays small
QUARTERS = 4


@register
class LastBlock(Network):
    """The last inverted bottleneck and the 1×1 convolution after it, then five means of their outputs over places.

    The means are over the image and its quarters, which overlap in the middle row and column of an odd side; each is
    brought to length 1 after a square root, so that strong features don't outweigh many weak ones (Hellinger;
    Arandjelović and Zisserman 2012). The quarters weigh as much together as the whole image.
    """

    type: Literal["last-block"] = "last-block"
    variant: Literal[0, 1, 2] = 0
    """Of EfficientNet-Lite."""
    size: PositiveInt = 224
    """Side of an image in pixels."""

    @property
    def block(self) -> Block:
        """The inverted bottleneck."""
        return blocks(self.variant)[-1]

    @property
    def top(self) -> Layer:
        """The convolution after it."""
        return top(self.variant)

    @property
    def layers(self) -> tuple[Layer, ...]:
        """All layers, from the first."""
        return (*self.block.layers, self.top)

    @property
    def first(self) -> int:
        """Number of frozen blocks before it."""
        return self.block.number

    @property
    def side(self) -> int:
        """Places along an axis, H and W: 7 at 224 pixels."""
        return places_before(self.variant, self.size, self.first)

    @property
    def takes(self) -> tuple[int, int, int]:
        """H, W, C of an encoded image."""
        return self.side, self.side, self.block.inputs

    @property
    def features(self) -> int:
        """Length of an image's feature vector."""
        return (1 + QUARTERS) * FEATURES

    @property
    def activations(self) -> int:
        """See Network."""
        expand, depthwise, project = self.block.layers
        rectified = expand.outputs + depthwise.outputs + FEATURES  # there before it and after
        return 2 * self.side**2 * (expand.inputs + 2 * rectified + project.outputs)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Name every parameter and its shape; weights have inputs first."""
        return dict(self._shapes())

    def initialize(self, generator: torch.Generator) -> Parameters:
        """Return uniform weights and biases of 0. ImageNet's are a better start."""
        parameters = {}
        for name, shape in self._shapes():
            bound = (6 / sum(shape)) ** 0.5 if name.endswith("weight") else 0.0
            parameters[name] = torch.empty(shape).uniform_(-bound, bound, generator=generator)
        return parameters

    def pretrained(self) -> Parameters:
        """Return ImageNet's weights. Raise WeightsError where their package isn't installed."""
        found = imagenet_weights(self.variant)
        return {name: _inputs_first(found[name].float()).reshape(shape) for name, shape in self._shapes()}

    def __call__(
        self,
        parameters: Parameters,
        x: Tensor,
        weights: Tensor | None = None,
        frozen: Parameters | None = None,
    ) -> tuple[Tensor, Parameters]:
        """As Network, of encoded images x [T, B, H, W, C]; no image changes another's, so nothing is frozen."""
        expand, depthwise, project = self.block.layers
        y = relu6(_pointwise(parameters, expand, x))
        y = relu6(_depthwise(parameters, depthwise, y))
        y = _pointwise(parameters, project, y)
        y = relu6(_pointwise(parameters, self.top, y))
        places, shares = _constants(*x.shape[2:4], y.device, y.dtype)
        parts = normalize((torch.matmul(places, y.flatten(2, 3)) + SMALLEST).sqrt(), dim=3)
        return (parts * shares).flatten(start_dim=2), {}

    def pack(self, tensors: Parameters, theta: Parameters, coarse: Collection[str] = ()) -> Parameters:
        """Return what changed in 8 bits: a model takes a quarter of its size."""
        return pack(tensors, theta, coarse)

    def unpack(self, packed: Parameters, theta: Parameters) -> Parameters:
        """See Network."""
        return unpack(packed, theta)

    def add_to(self, graph: Graph, parameters: Parameters, statistics: Parameters, x: str) -> str:
        """See Network."""
        weights = self._as_convolutions(parameters)
        x, size = add_block(graph, weights, self.block, graph.add("Transpose", x, perm=[0, 3, 1, 2]), self.side)
        x, _ = add_layer(graph, weights, self.top, x, size)
        places = graph.add("Transpose", graph.reshape(x, 0, FEATURES, -1), perm=[0, 2, 1])
        means = graph.add("MatMul", graph.constant("regions", regions(self.side, self.side).numpy()), places)
        roots = graph.add("Sqrt", graph.add("Add", means, graph.number("smallest", SMALLEST)))
        parts = graph.add("Mul", graph.normalize(roots, axis=2), graph.constant("shares", _shares().numpy()))
        return graph.add("Flatten", parts)

    def _shapes(self) -> Iterator[tuple[str, tuple[int, ...]]]:
        for layer in self.layers:
            inputs = layer.kernel**2 if layer.depthwise else layer.inputs
            yield f"{layer.name}.weight", (inputs, layer.outputs)
            yield f"{layer.name}.bias", (1, layer.outputs)

    def _as_convolutions(self, parameters: Parameters) -> Parameters:
        """The weights as the encoder's are: [O, I of a group, k, k]."""
        weights = {}
        for layer in self.layers:
            weights[f"{layer.name}.weight"] = parameters[f"{layer.name}.weight"].T.reshape(layer.weight_shape)
            weights[f"{layer.name}.bias"] = parameters[f"{layer.name}.bias"].flatten()
        return weights


def regions(height: int, width: int) -> Tensor:
    """Return what each place counts in the means over the image and over its quarters: [5, H · W], rows of sum 1."""
    image = torch.zeros(1 + QUARTERS, height, width)
    image[0] = 1
    tall, wide = -(-height // 2), -(-width // 2)
    for part, (above, left) in enumerate(product((0, height - tall), (0, width - wide)), 1):
        image[part, above : above + tall, left : left + wide] = 1
    flat = image.flatten(start_dim=1)
    return flat / flat.sum(dim=1, keepdim=True)


@cache
def _constants(height: int, width: int, device: torch.device, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Return `regions` and `_shares` where they are needed: a GPU's host would wait to send them at each step."""
    return regions(height, width).to(device, dtype), _shares().to(device, dtype)


def _shares() -> Tensor:
    """Factors [5, 1] of the means by which the whole image counts half, and all is of length 1."""
    return torch.tensor([1 / 2, *[1 / 2 / QUARTERS] * QUARTERS]).sqrt()[:, None]


def _inputs_first(weight: Tensor) -> Tensor:
    """A convolution's weight [O, I, k, k] as [I·k·k, O]; a bias as it is."""
    return weight if weight.dim() == 1 else weight.flatten(start_dim=1).T


def _pointwise(parameters: Parameters, layer: Layer, x: Tensor) -> Tensor:
    """A 1×1 convolution: [T, B, H, W, I] → [T, B, H, W, O]."""
    y = torch.baddbmm(parameters[f"{layer.name}.bias"], x.flatten(1, 3), parameters[f"{layer.name}.weight"])
    return y.view(*x.shape[:-1], -1)


def _depthwise(parameters: Parameters, layer: Layer, x: Tensor) -> Tensor:
    """A convolution of each channel by itself, SAME, of an odd side: [T, B, H, W, C] → the same."""
    tasks, batch, height, width, channels = x.shape
    side = layer.kernel
    images = x.permute(1, 0, 4, 2, 3).reshape(batch, tasks * channels, height, width)
    kernels = parameters[f"{layer.name}.weight"].transpose(1, 2).reshape(tasks * channels, 1, side, side)
    bias = parameters[f"{layer.name}.bias"].flatten()
    y = conv2d(images, kernels, bias, padding=side // 2, groups=tasks * channels)
    return y.view(batch, tasks, channels, height, width).permute(1, 0, 3, 4, 2)
