"""3×3 convolutions of T tasks by torch's own, task by task: for stride 1, where patches are 9 times the images."""

from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from models.networks.conv4.block import KERNEL
from models.networks.conv4.compiled.tiles import Tile, split
from models.networks.conv4.compiled.workspace import Workspace

PADDING, ONES = [1, 1], [1, 1]  # SAME at stride 1


class DirectConvolution:
    """The convolution of x [T, B, H, W, C] by weight [T, 9·C, F] → y [T, B, H, W, F], tile by tile."""

    def __init__(self, x: Tensor, weight: Tensor, stride: int, workspace: Workspace, name: str = "") -> None:
        tasks, batch, height, width, _ = x.shape
        self._weight, self._workspace, self._name = weight, workspace, name
        self._shape = tasks, batch, height, width, weight.shape[2]
        self._x, self._kernels = x, _kernels(weight)
        self.tiles = list(split(tasks, batch, height * width * weight.shape[2] * x.element_size(), most_tasks=1))

    def forward(self, tile: int) -> NDArray[Any]:
        """Return the tile's part of y, from what x and weight hold now."""
        part = self.tiles[tile]
        if part.images.start == 0:
            self._kernels[part.tasks].copy_(_kernels(self._weight[part.tasks]))
        y = torch.conv2d(_images(part.of(self._x)), self._kernels[part.tasks.start], padding=PADDING)
        return y.permute(0, 2, 3, 1).contiguous().unsqueeze(0).numpy()

    def prepare_backward(self, weight_gradient: Tensor, *, needs_x: bool) -> None:
        """Set where `backward` writes the weight's gradient, and whether it computes that of x."""
        self._weight_gradient, self._needs_x = weight_gradient, needs_x
        self.x_gradient = self._x.new_empty(0)
        if needs_x and len(self.tiles) > 1:
            self.x_gradient = self._workspace.tensor(f"{self._name}.x_gradient", *self._x.shape)
        tile = self.tiles[0].images
        self._y_gradient = self._workspace.tensor("y_gradient", 1, tile.stop - tile.start, *self._shape[2:])

    def y_gradient(self, tile: int) -> NDArray[Any]:
        """Return the memory where `backward` reads the gradient of the tile's y; all tiles share it."""
        return self._gradient_of(tile).numpy()

    def backward(self, tile: int) -> None:
        """Add the tile's part of the weight's gradient, and write its part of `x_gradient`."""
        part = self.tiles[tile]
        given = _images(self._gradient_of(tile)), _images(part.of(self._x)), self._kernels[part.tasks.start], None
        options = ONES, PADDING, ONES, False, [0, 0], 1, [self._needs_x, True, False]
        x_gradient, kernel_gradient, _ = torch.ops.aten.convolution_backward(*given, *options)
        found, total = kernel_gradient.permute(2, 3, 1, 0).flatten(end_dim=2), self._weight_gradient[part.tasks.start]
        if part.images.start > 0:
            total.add_(found)
        else:
            total.copy_(found)
        if self._needs_x:
            self._write_x_gradient(part, x_gradient.permute(0, 2, 3, 1).contiguous().unsqueeze(0))

    def _write_x_gradient(self, part: Tile, x_gradient: Tensor) -> None:
        if len(self.tiles) > 1:
            part.of(self.x_gradient).copy_(x_gradient)
        else:
            self.x_gradient = x_gradient

    def _gradient_of(self, tile: int) -> Tensor:
        images = self.tiles[tile].images
        return self._y_gradient[:, : images.stop - images.start]


def _images(x: Tensor) -> Tensor:
    """Return a view [B, C, H, W] of x [1, B, H, W, C]."""
    return x.squeeze(0).permute(0, 3, 1, 2)


def _kernels(weight: Tensor) -> Tensor:
    """Return a copy [T, F, C, 3, 3] of weight [T, 9·C, F], channels last in memory as the images are."""
    tasks, _, filters = weight.shape
    windows = weight.view(tasks, KERNEL, KERNEL, -1, filters)
    return windows.permute(0, 4, 1, 2, 3).contiguous().permute(0, 1, 4, 2, 3)
