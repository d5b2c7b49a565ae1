"""A tile's part of what a block computes, as the kernels take it."""

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

import torch
from numpy.typing import NDArray
from torch import Tensor

from models.kernels import activation, batch_norm
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


class BlockOutput(NamedTuple):
    """The output and what the backward of its maximum needs, all of one shape; see `kernels.activation`."""

    out: Array
    argmax: Array | None = None
    winner: Array | None = None

    def of(self, tile: Tile) -> "BlockOutput":
        """Return views of a tile's part."""
        argmax, winner = (array if array is None else tile.of(array) for array in (self.argmax, self.winner))
        return BlockOutput(tile.of(self.out), argmax, winner)


def argmax_and_winner(workspace: Workspace, name: str, shape: Sequence[int]) -> tuple[Array, Array]:
    """Return the memory for what the backward of a maximum needs."""
    argmax = workspace.tensor(f"{name}.argmax", *shape, dtype=torch.int8)
    return argmax.numpy(), workspace.tensor(f"{name}.winner", *shape).numpy()


class BlockTile:
    """Views of a block's arrays."""

    y: Array  # the convolution's output
    gradients: tuple[Array, ...]  # of gamma and beta

    def __init__(self, tile: Tile, channels: Channels, shares: Array, output: BlockOutput) -> None:
        self.tile, self.shares = tile, tile.of(shares)
        self.channels = Channels(*(channel[tile.tasks] for channel in channels))
        self._output = output.of(tile)

    def activate(self) -> None:
        """Write the output."""
        out, argmax, winner = self._output
        _, _, scale, shift, *_ = self.channels
        if argmax is None:
            activation.activate(self.y, scale, shift, out)
        else:
            activation.activate_pooled(self.y, scale, shift, out, argmax, winner)

    def add_parameter_gradients(self, out_gradient: Tensor) -> None:
        """Add this tile's sums to the gradients of gamma and beta; keep its part of `out_gradient` for `backward`."""
        out, _, winner = self._output
        self._out_gradient = self.tile.of(out_gradient).numpy()
        source = self.y if winner is None else winner
        batch_norm.add_parameter_gradients(self._out_gradient, out, source, *self.gradients)

    def backward(self, y_gradient: Array) -> None:
        """Write `y_gradient`."""
        out, argmax, _ = self._output
        _, _, scale, _, slope, offset = self.channels
        factors = self.shares, scale, slope, offset
        if argmax is None:
            activation.activate_backward(self._out_gradient, out, self.y, *factors, y_gradient)
        else:
            activation.activate_pooled_backward(self._out_gradient, argmax, self.y, *factors, y_gradient)
