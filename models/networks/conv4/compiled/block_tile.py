"""A tile's part of what a block computes, as the kernels take it."""

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

import torch
from numpy.typing import NDArray
from torch import Tensor

from models.networks.conv4.compiled.kernels import activation, batch_norm
from models.networks.conv4.compiled.tiles import Tile
from models.networks.conv4.compiled.workspace import Workspace

Array: TypeAlias = NDArray[Any]


class Channels(NamedTuple):
    """What batch norm keeps of each channel, all [T, 1, F]; see `kernels.batch_norm`."""

    mean: Array
    variance: Array
    scale: Array
    shift: Array
    slope: Array
    offset: Array


class Pooled(NamedTuple):
    """What the backward of the maximum needs, in the shape of the output; see `kernels.activation`."""

    argmax: Tensor
    winner: Tensor

    @classmethod
    def allocate(cls, workspace: Workspace, name: str, shape: Sequence[int]) -> "Pooled":
        """Take the memory for an output of this shape."""
        argmax = workspace.tensor(f"{name}.argmax", *shape, dtype=torch.int8)
        return cls(argmax, workspace.tensor(f"{name}.winner", *shape))


class BlockTile:
    """Views of a block's arrays."""

    y: Array  # the convolution's output
    gradients: tuple[Array, ...]  # of gamma and beta

    def __init__(
        self, tile: Tile, channels: Sequence[Tensor], shares: Tensor, out: Tensor, pooled: Pooled | None
    ) -> None:
        self.tile = tile
        self.channels = Channels(*(channel[tile.tasks].numpy() for channel in channels))
        self.shares, self._out = tile.of(shares).numpy(), tile.of(out).numpy()
        self._pooled = pooled and tuple(tile.of(tensor).numpy() for tensor in pooled)

    def activate(self) -> None:
        """Write the output."""
        _, _, scale, shift, *_ = self.channels
        if self._pooled:
            activation.activate_pooled(self.y, scale, shift, self._out, *self._pooled)
        else:
            activation.activate(self.y, scale, shift, self._out)

    def add_parameter_gradients(self, out_gradient: Tensor) -> None:
        """Add this tile's sums to the gradients of gamma and beta; keep its part of `out_gradient` for `backward`."""
        self._out_gradient = self.tile.of(out_gradient).numpy()
        source = self._pooled[1] if self._pooled else self.y
        batch_norm.add_parameter_gradients(self._out_gradient, self._out, source, *self.gradients)

    def backward(self, y_gradient: Array) -> None:
        """Write `y_gradient`."""
        _, _, scale, _, slope, offset = self.channels
        factors = self.shares, scale, slope, offset
        if self._pooled:
            activation.activate_pooled_backward(self._out_gradient, self._pooled[0], self.y, *factors, y_gradient)
        else:
            activation.activate_backward(self._out_gradient, self._out, self.y, *factors, y_gradient)
