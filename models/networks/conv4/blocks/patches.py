"""3×3 convolutions of T tasks as matrix products over their patches: for strides, whose windows overlap little."""

from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from models.networks.conv4.blocks import kernels
from models.networks.conv4.blocks.tiles import Tile, cut
from models.networks.conv4.blocks.windows import KERNEL, places, same_padding
from models.networks.conv4.blocks.workspace import Room


class PatchConvolution:
    """x [T, B, H, W, C] by weight [T, 9·C, F] → y [T, B, H', W', F], tile by tile.

    Patches are made anew in the backward: that is faster than to fetch them from memory.
    """

    def __init__(self, x: Tensor, weight: Tensor, stride: int, room: Room, name: str = "") -> None:
        tasks, batch, height, width, channels = x.shape
        rows, columns = places(height, stride), places(width, stride)
        self._x, self._room, self._name = x, room, name
        self._settings = channels, stride, same_padding(height, stride)[0], same_padding(width, stride)[0]
        self.tiles = list(cut(tasks, batch, rows * columns * weight.shape[1] * x.element_size()))
        y = room(f"{name}.y", tasks, batch, rows, columns, weight.shape[2])
        self._parts = [_Part(tile, x, weight, y, room) for tile in self.tiles]

    def forward(self, tile: int) -> NDArray[Any]:
        """The tile's part of y, of what x and weight now hold."""
        part = self._parts[tile]
        kernels.extract_patches(part.x, *self._settings, part.windows)
        torch.bmm(part.patches, part.weight, out=part.rows)
        return part.y

    def prepare_backward(self, weight_gradient: Tensor, *, needs_x: bool) -> None:
        """Says where `backward` writes the weight's gradient, and whether it makes that of x."""
        self.x_gradient = self._x.new_empty(0)
        if needs_x:
            self.x_gradient = self._room(f"{self._name}.x_gradient", *self._x.shape)
        for part in self._parts:
            part.prepare_backward(weight_gradient, self.x_gradient if needs_x else None, self._room)

    def y_gradient(self, tile: int) -> NDArray[Any]:
        """Where `backward` reads the gradient of the tile's y; it is the same memory for all tiles."""
        return self._parts[tile].y_gradient

    def backward(self, tile: int) -> None:
        """Adds to the weight's gradient, and writes the tile's part of `x_gradient`."""
        part = self._parts[tile]
        kernels.extract_patches(part.x, *self._settings, part.windows)
        part.weight_gradient.baddbmm_(part.patches.mT, part.rows_gradient, beta=part.further)
        if part.x_gradient is not None:
            torch.bmm(part.rows_gradient, part.weight.mT, out=part.patches)
            kernels.fold_patches(part.windows, *self._settings, part.x_gradient)


class _Part:
    """A tile's part of all tensors, as the compiled loops and the matrix products want them."""

    def __init__(self, tile: Tile, x: Tensor, weight: Tensor, y: Tensor, room: Room) -> None:
        self.tile, self.weight = tile, weight[tile.tasks]
        self.x = _lines(tile.of(x))
        self.y, self.rows = tile.of(y).numpy(), _rows(tile.of(y))
        self.further = int(tile.images.start > 0)  # images of a task whose first ones came before
        tasks, batch, rows, columns, _ = self.y.shape
        size = weight.shape[1]
        self.patches = room("patches", tasks, batch * rows * columns, size)
        self.windows = self.patches.numpy().reshape(tasks * batch, rows, columns, KERNEL, size // KERNEL)

    def prepare_backward(self, weight_gradient: Tensor, x_gradient: Tensor | None, room: Room) -> None:
        y_gradient = room("y_gradient", *self.y.shape)
        self.y_gradient, self.rows_gradient = y_gradient.numpy(), _rows(y_gradient)
        self.weight_gradient = weight_gradient[self.tile.tasks]
        self.x_gradient = None if x_gradient is None else _lines(self.tile.of(x_gradient))


def _lines(x: Tensor) -> NDArray[Any]:
    """[T, B, H, W, C] → [T·B, H, W·C], nothing moved."""
    return x.view(-1, x.shape[2], x.shape[3] * x.shape[4]).numpy()


def _rows(y: Tensor) -> Tensor:
    """[T, B, H', W', F] → [T, B·H'·W', F], nothing moved."""
    return y.view(len(y), -1, y.shape[4])
