"""3×3 convolutions of T tasks as matrix products over their patches: for strides, whose windows overlap little.

Patches are made a tile at a time, of a size that the processor's cache holds, and made again in the backward: that is
faster than to fetch them from memory.
"""

from collections.abc import Iterator
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from models.blocks import kernels
from models.blocks.windows import KERNEL, places, same_padding

TILE = 2**20  # bytes of patches at a time: about a core's second-level cache


def forward(x: Tensor, weight: Tensor, stride: int) -> Tensor:
    """x [T, B, H, W, C] by weight [T, 9·C, F] → [T, B, H', W', F]."""
    windows = _Windows(x, stride)
    y = x.new_empty(*windows.outputs, weight.shape[2])
    rows = windows.rows(y)
    for tasks, images in windows.tiles():
        patches = windows.extract(tasks, images)
        torch.bmm(patches, weight[tasks], out=rows[images].view(len(patches), -1, weight.shape[2]))
    return y


def backward(
    x: Tensor, weight: Tensor, y_gradient: Tensor, stride: int, *, needs_x: bool
) -> tuple[Tensor | None, Tensor]:
    """The gradients of x, where it is needed, and of the weight."""
    windows = _Windows(x, stride)
    x_gradient = torch.empty_like(windows.x) if needs_x else None
    weight_gradient, transposed = torch.empty_like(weight), weight.transpose(1, 2)
    rows = windows.rows(y_gradient)
    for tasks, images in windows.tiles():
        patches = windows.extract(tasks, images)
        gradient = rows[images].view(len(patches), -1, weight.shape[2])
        further = images.start % windows.batch > 0  # images of a task whose first ones are in already
        weight_gradient[tasks].baddbmm_(patches.transpose(1, 2), gradient, beta=int(further))
        if x_gradient is not None:
            torch.bmm(gradient, transposed[tasks], out=patches)
            windows.fold(images, x_gradient)
    return x_gradient, weight_gradient


class _Windows:
    """The patches of images x [T, B, H, W, C], a tile at a time in one workspace."""

    def __init__(self, x: Tensor, stride: int) -> None:
        self.tasks, self.batch, height, width, self.channels = x.shape
        self.x, self.stride = x.detach().contiguous(), stride
        self.outputs = self.tasks, self.batch, places(height, stride), places(width, stride)
        self.padding = same_padding(height, stride)[0], same_padding(width, stride)[0]
        self.places, self.size = self.outputs[2] * self.outputs[3], KERNEL**2 * self.channels
        fitting = max(1, TILE // (self.places * self.size * x.element_size()))
        self.at_once = min(max(1, fitting // self.batch), self.tasks), min(fitting, self.batch)
        self.workspace = x.new_empty(self.at_once[0] * self.at_once[1], self.places * self.size)
        self.images = self._of_images(self.x)
        self.windows = self.workspace.numpy().reshape(-1, *self.outputs[2:], KERNEL, KERNEL * self.channels)

    def tiles(self) -> Iterator[tuple[slice, slice]]:
        """Parts of x, as tasks and as images of all T·B: several tasks whole, or several images of a task."""
        tasks, images = self.at_once
        for task in range(0, self.tasks, tasks):
            first, last = task * self.batch, min(task + tasks, self.tasks) * self.batch
            for image in range(first, last, tasks * images):
                yield slice(task, task + tasks), slice(image, min(image + tasks * images, last))

    def rows(self, y: Tensor) -> Tensor:
        """[T, B, H', W', F] → [T·B, H'·W', F]."""
        return y.view(-1, self.places, y.shape[-1])

    def extract(self, tasks: slice, images: slice) -> Tensor:
        """A tile's patches [t, b·H'·W', 9·C], in the workspace."""
        many = images.stop - images.start
        kernels.extract_patches(self.images[images], self.channels, self.stride, *self.padding, self.windows[:many])
        return self.workspace[:many].view(min(tasks.stop, self.tasks) - tasks.start, -1, self.size)

    def fold(self, images: slice, x: Tensor) -> None:
        """Adds up a tile's patches, in the workspace, where they overlap, into its part of x."""
        many = images.stop - images.start
        target = self._of_images(x)[images]
        kernels.fold_patches(self.windows[:many], self.channels, self.stride, *self.padding, target)

    def _of_images(self, x: Tensor) -> NDArray[Any]:
        return x.numpy().reshape(self.tasks * self.batch, x.shape[2], -1)
