"""Patches: the 3×3 windows of images as rows of a matrix, and the way back (im2col and col2im).

Source: Chellapilla, Puri and Simard 2006, "High performance convolutional neural networks for document processing".
"""

from typing import Any

from models.kernels.compilation import compiled


@compiled
def extract_patches(x: Any, channels: int, stride: int, top: int, left: int, patches: Any) -> None:
    """Copy the windows of x [N, H, W·C] to patches [N, H', W', 3, 3·C], with 0 outside the image.

    `top` and `left` are the zeros before the first row and column.
    """
    height, width = x.shape[1], x.shape[2] // channels
    for n in range(len(patches)):
        for r in range(patches.shape[1]):
            for s in range(patches.shape[2]):
                column = s * stride - left
                first, last = max(0, -column), min(3, width - column)
                for i in range(3):
                    row = r * stride + i - top
                    window = patches[n, r, s, i]
                    if row < 0 or row >= height:
                        window[:] = 0
                        continue
                    inside = window[first * channels : last * channels]
                    source = x[n, row, (column + first) * channels : (column + last) * channels]
                    for c in range(len(inside)):
                        inside[c] = source[c]
                    window[: first * channels] = 0
                    window[last * channels :] = 0


@compiled
def fold_patches(patches: Any, channels: int, stride: int, top: int, left: int, x: Any) -> None:
    """Write to x the sum of all patches, each at the place it came from: the adjoint of `extract_patches`."""
    height, width = x.shape[1], x.shape[2] // channels
    for n in range(len(patches)):
        x[n] = 0
        for r in range(patches.shape[1]):
            for s in range(patches.shape[2]):
                column = s * stride - left
                first, last = max(0, -column), min(3, width - column)
                for i in range(3):
                    row = r * stride + i - top
                    if row >= 0 and row < height:
                        inside = patches[n, r, s, i, first * channels : last * channels]
                        target = x[n, row, (column + first) * channels : (column + last) * channels]
                        for c in range(len(target)):
                            target[c] += inside[c]
