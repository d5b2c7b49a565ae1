"""3×3 convolutions of T tasks by torch's own, one after another: for stride 1, where patches are 9 times the images."""

import torch
from torch import Tensor

from models.blocks.windows import KERNEL

PADDING = [1, 1]  # SAME at stride 1


def forward(x: Tensor, weight: Tensor) -> Tensor:
    """x [T, B, H, W, C] by weight [T, 9·C, F] → [T, B, H, W, F]."""
    kernel = _kernels(weight)
    outputs = [torch.conv2d(_images(x[task]), kernel[task], padding=PADDING) for task in range(len(x))]
    return _stack(outputs)


def backward(x: Tensor, weight: Tensor, y_gradient: Tensor, *, needs_x: bool) -> tuple[Tensor | None, Tensor]:
    """The gradients of x, where it is needed, and of the weight."""
    kernel, ones = _kernels(weight), [1, 1]
    x_gradients, weight_gradients = [], []
    for task in range(len(x)):
        given = _images(y_gradient[task]), _images(x[task]), kernel[task], None
        options = ones, PADDING, ones, False, [0, 0], 1, [needs_x, True, False]
        x_gradient, weight_gradient, _ = torch.ops.aten.convolution_backward(*given, *options)
        x_gradients.append(x_gradient)
        weight_gradients.append(weight_gradient.permute(2, 3, 1, 0).flatten(end_dim=2))
    return _stack(x_gradients) if needs_x else None, torch.stack(weight_gradients)


def _images(x: Tensor) -> Tensor:
    """[B, H, W, C] → [B, C, H, W], nothing moved."""
    return x.permute(0, 3, 1, 2)


def _kernels(weight: Tensor) -> Tensor:
    """[T, 9·C, F] → [T, F, C, 3, 3], channels last as the images are."""
    tasks, _, filters = weight.shape
    windows = weight.view(tasks, KERNEL, KERNEL, -1, filters)
    return windows.permute(0, 4, 1, 2, 3).contiguous().permute(0, 1, 4, 2, 3)


def _stack(images: list[Tensor]) -> Tensor:
    """T times [B, C, H, W] → [T, B, H, W, C]; one alone is not copied."""
    moved = [tensor.permute(0, 2, 3, 1).contiguous() for tensor in images]
    return moved[0].unsqueeze(0) if len(moved) == 1 else torch.stack(moved)
