"""The encoder in plain torch operations: what it computes, and how it runs on anything but a CPU."""

import torch
from torch import Tensor
from torch.nn.functional import conv2d, pad, relu6

from models.encoders.efficientnet_lite.spec import MEAN, STD, STEM, Block, Encoded, EncoderSpec, Layer
from models.parameters import Parameters


@torch.no_grad()
def encode(parameters: Parameters, images: Tensor, spec: EncoderSpec) -> Encoded:
    """Encodes uint8 images [B, 3, size, size] by the weights that `EncoderSpec` lists, all on one device.

    Half-precision weights compute in half precision; the result is float32 all the same.
    """
    x = (images.to(parameters["stem.weight"].dtype) - MEAN) / STD
    x = _convolve(parameters, STEM, x)
    pooled = [x.new_empty(len(x), 0)]
    for block in spec.blocks:
        x = _bottleneck(parameters, block, x)
        if block.number in spec.taps:
            pooled.append(x.mean(dim=(2, 3)))
    return Encoded(x.permute(0, 2, 3, 1).float().contiguous(), torch.cat(pooled, dim=1).float())


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
