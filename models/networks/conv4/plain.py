"""The convolution block in torch operations: for any device, differentiated by autograd.

Each task's images become rows of patches (im2col: Chellapilla, Puri and Simard 2006), so that a layer is one batched
matrix product. A grouped convolution, which is what `vmap` makes of the same thing, is several times slower.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import max_pool2d, pad

from models.networks.conv4.block import EPSILON, KERNEL, BlockInputs, Statistics
from models.networks.padding import places, same_padding


@dataclass(frozen=True)
class PlainBlock:
    """A ConvolutionBlock in torch operations."""

    stride: int
    pool: int = 1

    def __call__(self, inputs: BlockInputs, shares: Tensor) -> tuple[Tensor, Statistics]:
        """See ConvolutionBlock."""
        y = convolution(inputs.x, inputs.weight, self.stride)
        rows = y.flatten(start_dim=1, end_dim=3)
        weights = shares.repeat_interleave(rows.shape[1] // shares.shape[1], dim=1).unsqueeze(1)
        mean = torch.bmm(weights, rows)
        variance = (torch.bmm(weights, rows * rows) - mean * mean).clamp_min(0)
        out = self._activation(y, inputs, Statistics(mean, variance))
        return out, Statistics(mean.detach(), variance.detach())

    def frozen(self, inputs: BlockInputs, statistics: Statistics) -> Tensor:
        """See ConvolutionBlock."""
        return self._activation(convolution(inputs.x, inputs.weight, self.stride), inputs, statistics)

    def _activation(self, y: Tensor, inputs: BlockInputs, statistics: Statistics) -> Tensor:
        """Return batch norm, maximum and ReLU of y: [T, B, R, S, F] → [T, B, ceil(R / pool), ceil(S / pool), F]."""
        scale = inputs.gamma * torch.rsqrt(statistics.variance + EPSILON)
        shift = inputs.beta - statistics.mean * scale
        z = y * scale[:, :, None, None] + shift[:, :, None, None]
        if self.pool > 1:
            images = z.flatten(end_dim=1).movedim(-1, 1)
            z = max_pool2d(images, self.pool, ceil_mode=True).movedim(1, -1)
            z = z.view(*y.shape[:2], *z.shape[1:])
        return z.relu()


def convolution(x: Tensor, weight: Tensor, stride: int) -> Tensor:
    """Return the convolution of x [T, B, H, W, C] by weight [T, 9·C, F]: [T, B, H', W', F]."""
    patches = extract_patches(x, stride)
    tasks, batch, rows, columns, size = patches.shape
    return torch.bmm(patches.view(tasks, -1, size), weight).view(tasks, batch, rows, columns, -1)


def extract_patches(x: Tensor, stride: int) -> Tensor:
    """Return the 3×3 windows of x [T, B, H, W, C]: [T, B, H', W', 9·C] with H' = ceil(H / stride)."""
    tasks, batch, height, width, channels = x.shape
    sides = (*same_padding(width, KERNEL, stride), *same_padding(height, KERNEL, stride))
    padded = pad(x, (0, 0, *sides))
    t, b, h, w, c = padded.stride()
    shape = (tasks, batch, places(height, stride), places(width, stride), KERNEL, KERNEL, channels)
    return padded.as_strided(shape, (t, b, stride * h, stride * w, h, w, c)).flatten(start_dim=4)
