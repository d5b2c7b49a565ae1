"""EfficientNet-Lite in plain torch operations: what it computes, and how it runs on anything but a CPU."""

from collections.abc import Iterable

import torch
from torch import Tensor
from torch.nn.functional import conv2d, pad, relu6

from models.encoders.efficientnet_lite.layers import MEAN, STD, STEM, Block, Layer
from models.parameters import Parameters


@torch.no_grad()
def encode(parameters: Parameters, images: Tensor, blocks: Iterable[Block]) -> Tensor:
    """Return the last block's output, float32 [B, H, W, C], for uint8 images [B, 3, size, size] on the weights' device.

    Half-precision weights compute in half precision.
    """
    x = (images.to(parameters["stem.weight"].dtype) - MEAN) / STD
    x = _convolve(parameters, STEM, x)
    for block in blocks:
        x = _bottleneck(parameters, block, x)
    return x.permute(0, 2, 3, 1).float().contiguous()


def _bottleneck(parameters: Parameters, block: Block, x: Tensor) -> Tensor:
    y = x
    for layer in block.layers:
        y = _convolve(parameters, layer, y)
    return x + y if block.residual else y


def _convolve(parameters: Parameters, layer: Layer, x: Tensor) -> Tensor:
    """x [B, I, H, W] → [B, O, H', W']."""
    weight, bias = parameters[f"{layer.name}.weight"], parameters[f"{layer.name}.bias"]
    x = pad(x, (*layer.padding(x.shape[3]), *layer.padding(x.shape[2])))
    y = conv2d(x, weight, bias, stride=layer.stride, groups=layer.groups)
    return relu6(y) if layer.clipped else y
