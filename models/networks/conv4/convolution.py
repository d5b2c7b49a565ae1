"""A Conv4's layer, computed in the fastest way there is for the tensors at hand."""

import torch
from torch import Tensor

from models.kernels import compilation
from models.networks.conv4.block import BlockInputs, ConvolutionBlock, Statistics
from models.networks.conv4.compiled.block import CompiledBlock
from models.networks.conv4.plain import PlainBlock
from models.networks.padding import places


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
    """Return `relu(max_pool(batch_norm(convolution(x))))` [T, B, H', W', F] for T tasks, and the statistics used.

    x [T, B, H, W, C]; weight [T, 9·C, F]; gamma and beta [T, 1, F]: see BlockInputs. The maximum is over windows of
    pool×pool places. `weights` [T, B] are what images count in the batch statistics, 0 for padding. Given `statistics`
    take the place of the batch's; nothing is differentiated then.
    """
    inputs = BlockInputs(x, weight, gamma, beta)
    block = _fastest_block(inputs, stride, pool)
    if statistics is not None:
        with torch.no_grad():
            return block.frozen(inputs, statistics), statistics
    return block(inputs, image_shares(x, weights, places(x.shape[2], stride) * places(x.shape[3], stride)))


def image_shares(x: Tensor, weights: Tensor | None, outputs: int) -> Tensor:
    """Return the weight [T, B] in the batch statistics of each of an image's `outputs` places."""
    tasks, batch = x.shape[:2]
    if weights is None:
        return x.new_full((tasks, batch), 1 / (batch * outputs))
    return weights / (weights.sum(dim=1, keepdim=True).clamp_min(1) * outputs)


def _fastest_block(inputs: BlockInputs, stride: int, pool: int) -> ConvolutionBlock:
    differentiated = torch.is_grad_enabled() and any(tensor.requires_grad for tensor in inputs)
    if compilation.supports(inputs.x.device) and not differentiated:
        return CompiledBlock(stride, pool)
    return PlainBlock(stride, pool)
