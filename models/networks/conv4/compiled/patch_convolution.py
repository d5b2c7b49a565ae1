"""3×3 convolutions of T tasks as matrix products over their patches: for strides, whose windows overlap little."""

from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from models.kernels.patches import extract_patches, fold_patches
from models.networks.conv4.block import KERNEL
from models.networks.conv4.compiled.tiles import Tile, split
from models.networks.conv4.compiled.workspace import Workspace
from models.networks.padding import places, same_padding


class PatchConvolution:
    """y = patches(x) · weight: x [T, B, H, W, C] by weight [T, 9·C, F] → y [T, B, H', W', F], tile by tile.

    The backward makes the patches again: that is faster than to fetch them from memory.
    """

    def __init__(self, x: Tensor, weight: Tensor, stride: int, workspace: Workspace, name: str = "") -> None:
        tasks, batch, height, width, channels = x.shape
        rows, columns = places(height, stride), places(width, stride)
        self._x, self._workspace, self._name = x, workspace, name
        top, left = (same_padding(side, KERNEL, stride)[0] for side in (height, width))
        self._windows = channels, stride, top, left
        self.tiles = list(split(tasks, batch, rows * columns * weight.shape[1] * x.element_size()))
        y = workspace.tensor(f"{name}.y", tasks, batch, rows, columns, weight.shape[2])
        self._parts = [_Part(tile, x, weight, y, workspace) for tile in self.tiles]

    def forward(self, tile: int) -> NDArray[Any]:
        """Return the tile's part of y, from what x and weight hold now."""
        part = self._parts[tile]
        extract_patches(part.x, *self._windows, part.windows)
        torch.bmm(part.patches, part.weight, out=part.rows)
        return part.y

    def prepare_backward(self, weight_gradient: Tensor, *, needs_x: bool) -> None:
        """Set where `backward` writes the weight's gradient, and whether it computes that of x."""
        self.x_gradient = self._x.new_empty(0)
        if needs_x:
            self.x_gradient = self._workspace.tensor(f"{self._name}.x_gradient", *self._x.shape)
        for part in self._parts:
            part.prepare_backward(weight_gradient, self.x_gradient if needs_x else None, self._workspace)

    def y_gradient(self, tile: int) -> NDArray[Any]:
        """Return the memory where `backward` reads the gradient of the tile's y; all tiles share it."""
        return self._parts[tile].y_gradient

    def backward(self, tile: int) -> None:
        """Add the tile's part of dweight = patchesᵀ·dy, and write its part of `x_gradient` = fold(dy·weightᵀ)."""
        part = self._parts[tile]
        extract_patches(part.x, *self._windows, part.windows)
        part.weight_gradient.baddbmm_(part.patches.mT, part.rows_gradient, beta=part.accumulates)
        if part.x_gradient is not None:
            torch.bmm(part.rows_gradient, part.weight.mT, out=part.patches)
            fold_patches(part.windows, *self._windows, part.x_gradient)


class _Part:
    """A tile's part of all tensors, in the shapes of the kernels and of the matrix products."""

    def __init__(self, tile: Tile, x: Tensor, weight: Tensor, y: Tensor, workspace: Workspace) -> None:
        self.tile, self.weight = tile, weight[tile.tasks]
        self.x = _lines(tile.of(x))
        self.y, self.rows = tile.of(y).numpy(), _rows(tile.of(y))
        self.accumulates = int(tile.images.start > 0)  # 1 where earlier tiles hold images of the same task
        tasks, batch, rows, columns, _ = self.y.shape
        size = weight.shape[1]
        self.patches = workspace.tensor("patches", tasks, batch * rows * columns, size)
        self.windows = self.patches.numpy().reshape(tasks * batch, rows, columns, KERNEL, size // KERNEL)

    def prepare_backward(self, weight_gradient: Tensor, x_gradient: Tensor | None, workspace: Workspace) -> None:
        y_gradient = workspace.tensor("y_gradient", *self.y.shape)
        self.y_gradient, self.rows_gradient = y_gradient.numpy(), _rows(y_gradient)
        self.weight_gradient = weight_gradient[self.tile.tasks]
        self.x_gradient = None if x_gradient is None else _lines(self.tile.of(x_gradient))


def _lines(x: Tensor) -> NDArray[Any]:
    """Return a view [T·B, H, W·C] of x [T, B, H, W, C]."""
    return x.view(-1, x.shape[2], x.shape[3] * x.shape[4]).numpy()


def _rows(y: Tensor) -> Tensor:
    """Return a view [T, B·H'·W', F] of y [T, B, H', W', F]."""
    return y.view(len(y), -1, y.shape[4])
