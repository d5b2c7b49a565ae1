"""3×3 convolution → batch norm → maximum over windows → ReLU for T tasks with weights of their own.

Each task's images become rows of patches, so a layer is one matrix product over tasks. A grouped convolution, which is
what `vmap` makes of the same thing, is several times slower. On the CPU the block is compiled loops around the product;
elsewhere it is plain torch operations, which also say what it computes.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from models.networks.conv4.blocks import compiled, plain
from models.networks.conv4.blocks.windows import places


class Statistics(NamedTuple):
    """Mean and variance of a layer's outputs, each [T, 1, F]."""

    mean: Tensor
    variance: Tensor


def convolution_block(
    x: Tensor,
    weight: Tensor,
    gamma: Tensor,
    beta: Tensor,
    stride: int,
    pool: int = 1,
    weights: Tensor | None = None,
    statistics: Statistics | None = None,
) -> tuple[Tensor, Statistics]:
    """`relu(max_pool(batch_norm(convolution(x))))` for T tasks.

    x [T, B, H, W, C]; weight [T, 9·C, F], rows in (row, column, channel) order; gamma and beta [T, 1, F]; SAME padding,
    of the windows of pool×pool too. `weights` [T, B], 1 or 0, leaves padding out of the batch statistics. With
    `statistics` these are used instead of the batch's, and nothing is differentiated.
    Returns [T, B, H', W', F] and the statistics used.
    """
    block = compiled if _compilable(x, weight, gamma, beta) else plain
    if statistics is not None:
        with torch.no_grad():
            return block.frozen_block(x, weight, gamma, beta, *statistics, stride, pool), statistics
    shares = image_shares(x, weights, places(x.shape[2], stride) * places(x.shape[3], stride))
    out, mean, variance = block.block(x, weight, gamma, beta, shares, stride, pool)
    return out, Statistics(mean, variance)


def _compilable(*tensors: Tensor) -> bool:
    """Whether the compiled block can serve: on the CPU, and where autograd asks for nothing."""
    return tensors[0].device.type == "cpu" and not (
        torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors)
    )


def image_shares(x: Tensor, weights: Tensor | None, outputs: int) -> Tensor:
    """What each of an image's `outputs` places counts in the batch statistics [T, B]: over all they sum to 1."""
    tasks, batch = x.shape[:2]
    if weights is None:
        return x.new_full((tasks, batch), 1 / (batch * outputs))
    return weights / (weights.sum(dim=1, keepdim=True).clamp_min(1) * outputs)
