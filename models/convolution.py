"""3×3 convolution → batch norm → ReLU for T tasks with weights of their own, as one matrix product over tasks.

Each task's images become rows of patches, so a layer is one `bmm` for all tasks. A grouped convolution, which is
what `vmap` makes of the same thing, is several times slower. The backward is written by hand: it keeps the
convolution's output, reads it once for each of its two uses, and its sums over rows are products with a row of weights.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import pad

KERNEL = 3
EPSILON = 1e-3  # TensorFlow's default, which the Reptile paper's networks use


class Statistics(NamedTuple):
    """Mean and variance of a layer's outputs, each [T, 1, C]."""

    mean: Tensor
    variance: Tensor


def same_padding(size: int, stride: int) -> tuple[int, int]:
    """Zeros before and after an axis so that its output has ceil(size / stride) places (TensorFlow's SAME)."""
    total = max((-(-size // stride) - 1) * stride + KERNEL - size, 0)
    return total // 2, total - total // 2


def extract_patches(x: Tensor, stride: int) -> Tensor:
    """[T, B, H, W, C] → [T, B·H'·W', 9·C] with H' = ceil(H / stride)."""
    tasks, batch, height, width, channels = x.shape
    padded = pad(x, (0, 0, *same_padding(width, stride), *same_padding(height, stride)))
    t, b, h, w, c = padded.stride()
    rows, columns = -(-height // stride), -(-width // stride)
    shape = (tasks, batch, rows, columns, KERNEL, KERNEL, channels)
    windows = padded.as_strided(shape, (t, b, stride * h, stride * w, h, w, c))
    return windows.reshape(tasks, batch * rows * columns, KERNEL * KERNEL * channels)


def fold_patches(patches: Tensor, shape: torch.Size, stride: int) -> Tensor:
    """The adjoint of `extract_patches`: adds each patch back to where it came from, giving `shape`."""
    tasks, batch, height, width, channels = shape
    (top, bottom), (left, right) = same_padding(height, stride), same_padding(width, stride)
    rows, columns = -(-height // stride), -(-width // stride)
    windows = patches.view(tasks, batch, rows, columns, KERNEL, KERNEL, channels)
    x = patches.new_zeros(tasks, batch, height + top + bottom, width + left + right, channels)
    for i in range(KERNEL):
        for j in range(KERNEL):
            place = x[:, :, i : i + stride * rows : stride, j : j + stride * columns : stride]
            place += windows[:, :, :, :, i, j]
    return x[:, :, top : top + height, left : left + width]


def row_weights(x: Tensor, weights: Tensor | None, places: int) -> Tensor:
    """Each row's share in the batch statistics, [T, 1, B·places], summing to 1 for each task.

    `weights`: 0 for padding and 1 for images [T, B]; None where every image counts.
    """
    tasks, batch = x.shape[:2]
    if weights is None:
        return x.new_full((1, 1, 1), 1 / (batch * places)).expand(tasks, 1, batch * places)
    share = weights / (weights.sum(dim=1, keepdim=True).clamp_min(1) * places)
    return share.repeat_interleave(places, dim=1).unsqueeze(1)


class _BatchNormConvolution(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor,
        gamma: Tensor,
        beta: Tensor,
        shares: Tensor,
        stride: int,
        uniform: bool,
    ) -> tuple[Tensor, Tensor, Tensor]:
        patches = extract_patches(x, stride)
        y = torch.bmm(patches, weight)
        mean = torch.bmm(shares, y)
        variance = (torch.bmm(shares, y * y) - mean * mean).clamp_min_(0)
        deviation = torch.rsqrt(variance + EPSILON)
        scale = gamma * deviation
        out = torch.addcmul(beta - mean * scale, y, scale).relu_()
        ctx.save_for_backward(patches, y, weight, mean, deviation, scale, shares, out)
        ctx.shape, ctx.stride, ctx.uniform = x.shape, stride, uniform
        ctx.mark_non_differentiable(mean, variance)
        return out, mean, variance

    @staticmethod
    def backward(ctx: Any, out_gradient: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:
        patches, y, weight, mean, deviation, scale, shares, out = ctx.saved_tensors
        g = torch.ops.aten.threshold_backward(out_gradient, out, 0)
        beta_gradient = g.sum(dim=1, keepdim=True)
        gamma_gradient = ((g * y).sum(dim=1, keepdim=True) - mean * beta_gradient) * deviation
        # dy = scale · (g − share · (dβ + x̂ · dγ)) with x̂ = (y − mean) · deviation
        slope = scale * deviation * gamma_gradient
        offset = scale * beta_gradient - slope * mean
        if ctx.uniform:
            share = shares[:, :, :1]
            y_gradient = torch.addcmul(offset * -share, y, slope * -share).addcmul_(g, scale)
        else:
            y_gradient = torch.addcmul(offset, y, slope).mul_(-shares.transpose(1, 2)).addcmul_(g, scale)
        weight_gradient = torch.bmm(patches.transpose(1, 2), y_gradient)
        x_gradient = None
        if ctx.needs_input_grad[0]:
            x_gradient = fold_patches(torch.bmm(y_gradient, weight.transpose(1, 2)), ctx.shape, ctx.stride)
        return x_gradient, weight_gradient, gamma_gradient, beta_gradient, None, None, None


def convolution_block(
    x: Tensor,
    weight: Tensor,
    gamma: Tensor,
    beta: Tensor,
    stride: int,
    weights: Tensor | None = None,
    statistics: Statistics | None = None,
) -> tuple[Tensor, Statistics]:
    """`relu(batch_norm(convolution(x)))` for T tasks.

    x [T, B, H, W, C]; weight [T, 9·C, F], rows in (row, column, channel) order; gamma and beta [T, 1, F].
    `weights` [T, B] leaves padding out of the batch statistics. With `statistics` these are used instead of the
    batch's (no gradient flows then). Returns [T, B, H', W', F] and the statistics used.
    """
    tasks, batch, height, width, _ = x.shape
    rows, columns = -(-height // stride), -(-width // stride)
    if statistics is None:
        shares = row_weights(x, weights, rows * columns)
        out, mean, variance = _BatchNormConvolution.apply(  # type: ignore[no-untyped-call]
            x, weight, gamma, beta, shares, stride, weights is None
        )
        statistics = Statistics(mean, variance)
    else:
        scale = gamma * torch.rsqrt(statistics.variance + EPSILON)
        y = torch.bmm(extract_patches(x, stride), weight)
        out = torch.addcmul(beta - statistics.mean * scale, y, scale).relu_()
    return out.view(tasks, batch, rows, columns, -1), statistics
