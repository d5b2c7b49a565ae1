"""The convolution block in torch operations: for any device, differentiated by autograd."""

import torch
from torch import Tensor
from torch.nn.functional import max_pool2d, pad

from models.networks.conv4.blocks.windows import EPSILON, KERNEL, places, same_padding


def block(
    x: Tensor, weight: Tensor, gamma: Tensor, beta: Tensor, shares: Tensor, stride: int, pool: int
) -> tuple[Tensor, Tensor, Tensor]:
    """The output, and the mean and variance [T, 1, F] it was normalised with.

    `shares` [T, B] is what each place of an image counts in these. For the rest see `convolution_block`.
    """
    y = convolution(x, weight, stride)
    rows = y.flatten(start_dim=1, end_dim=3)
    counts = shares.repeat_interleave(rows.shape[1] // shares.shape[1], dim=1).unsqueeze(1)
    mean = torch.bmm(counts, rows)
    variance = (torch.bmm(counts, rows * rows) - mean * mean).clamp_min(0)
    return activation(y, gamma, beta, mean, variance, pool), mean.detach(), variance.detach()


def frozen_block(
    x: Tensor, weight: Tensor, gamma: Tensor, beta: Tensor, mean: Tensor, variance: Tensor, stride: int, pool: int
) -> Tensor:
    """The block by statistics [T, 1, F] that are given."""
    return activation(convolution(x, weight, stride), gamma, beta, mean, variance, pool)


def convolution(x: Tensor, weight: Tensor, stride: int) -> Tensor:
    """x [T, B, H, W, C] by weight [T, 9·C, F] → [T, B, H', W', F]."""
    patches = extract_patches(x, stride)
    tasks, batch, rows, columns, size = patches.shape
    return torch.bmm(patches.view(tasks, -1, size), weight).view(tasks, batch, rows, columns, -1)


def extract_patches(x: Tensor, stride: int) -> Tensor:
    """[T, B, H, W, C] → [T, B, H', W', 9·C] with H' = ceil(H / stride)."""
    tasks, batch, height, width, channels = x.shape
    padded = pad(x, (0, 0, *same_padding(width, stride), *same_padding(height, stride)))
    t, b, h, w, c = padded.stride()
    shape = (tasks, batch, places(height, stride), places(width, stride), KERNEL, KERNEL, channels)
    return padded.as_strided(shape, (t, b, stride * h, stride * w, h, w, c)).flatten(start_dim=4)


def activation(y: Tensor, gamma: Tensor, beta: Tensor, mean: Tensor, variance: Tensor, pool: int) -> Tensor:
    """Batch norm, maximum over windows, ReLU: [T, B, R, S, F] → [T, B, ceil(R / pool), ceil(S / pool), F]."""
    scale = gamma * torch.rsqrt(variance + EPSILON)
    shift = beta - mean * scale
    z = y * scale[:, :, None, None] + shift[:, :, None, None]
    if pool > 1:
        images = z.flatten(end_dim=1).movedim(-1, 1)
        z = max_pool2d(images, pool, ceil_mode=True).movedim(1, -1)
        z = z.view(*y.shape[:2], *z.shape[1:])
    return z.relu()
