"""The convolution block for the CPU: compiled loops around the convolutions, and its backward written by hand."""

from typing import Any, NamedTuple, TypeAlias

import torch
from numpy.typing import NDArray
from torch import Tensor

from models.networks.conv4.blocks import kernels
from models.networks.conv4.blocks.direct import DirectConvolution
from models.networks.conv4.blocks.patches import PatchConvolution
from models.networks.conv4.blocks.tiles import Tile
from models.networks.conv4.blocks.windows import EPSILON, places
from models.networks.conv4.blocks.workspace import Room

Array: TypeAlias = NDArray[Any]


class Block:
    """As `plain.block`, bound to tensors that change in place: shapes and memory are found once, for many steps."""

    def __init__(
        self,
        x: Tensor,
        weight: Tensor,
        gamma: Tensor,
        beta: Tensor,
        shares: Tensor,
        stride: int,
        pool: int,
        room: Room,
        name: str = "",
    ) -> None:
        self.convolution = (DirectConvolution if stride == 1 else PatchConvolution)(x, weight, stride, room, name)
        self.places = places(x.shape[2], stride) * places(x.shape[3], stride)
        sides = (places(places(side, stride), pool) for side in x.shape[2:4])
        shape = *x.shape[:2], *sides, weight.shape[2]
        self.out = room(f"{name}.out", *shape)
        pooled = (
            () if pool == 1 else (room(f"{name}.chosen", *shape, dtype=torch.int8), room(f"{name}.highest", *shape))
        )
        channels = [room(f"{name}.{part}", *gamma.shape) for part in Channels._fields]
        self.mean, self.variance, *_ = channels
        self._channels, self._norm = Channels(*_arrays(*channels)), _arrays(gamma, beta)
        self._tiles = [_Tile(tile, channels, shares, self.out, *pooled) for tile in self.convolution.tiles]

    def forward(self) -> Tensor:
        """The output; `mean` and `variance` are those it was normalised with."""
        mean, variance, scale, shift, *_ = self._channels
        mean[:] = variance[:] = 0
        for number, tile in enumerate(self._tiles):
            tile.y = self.convolution.forward(number)
            kernels.add_moments(tile.y, tile.shares, tile.channels.mean, tile.channels.variance)
        kernels.to_variance(mean, variance)
        kernels.scale_and_shift(mean, variance, *self._norm, EPSILON, scale, shift)
        for tile in self._tiles:
            tile.activate()
        return self.out

    def frozen(self, mean: Tensor, variance: Tensor) -> Tensor:
        """The output by these statistics."""
        given = (*_arrays(mean, variance), *self._norm, EPSILON)
        kernels.scale_and_shift(*given, self._channels.scale, self._channels.shift)
        for number, tile in enumerate(self._tiles):
            tile.y = self.convolution.forward(number)
            tile.activate()
        return self.out

    def prepare_backward(
        self, weight_gradient: Tensor, gamma_gradient: Tensor, beta_gradient: Tensor, *, needs_x: bool
    ) -> None:
        """Says where `backward` writes, and whether x needs a gradient."""
        self.convolution.prepare_backward(weight_gradient, needs_x=needs_x)
        self._gradients = _arrays(gamma_gradient, beta_gradient)
        for tile in self._tiles:
            tile.gradients = tuple(gradient[tile.tile.tasks] for gradient in self._gradients)

    def backward(self, out_gradient: Tensor) -> Tensor:
        """After `forward`: the gradient of x; nothing where it isn't needed."""
        gamma_gradient, beta_gradient = self._gradients
        gamma_gradient[:] = beta_gradient[:] = 0
        for tile in self._tiles:
            tile.out_gradient = tile.tile.of(out_gradient).numpy()
            kernels.add_parameter_gradients(tile.out_gradient, tile.out, tile.source, *tile.gradients)
        mean, variance, _, _, slope, offset = self._channels
        given = mean, variance, self._norm[0], beta_gradient, EPSILON
        kernels.backward_factors(*given, gamma_gradient, slope, offset)
        for number, tile in enumerate(self._tiles):
            tile.backward(self.convolution.y_gradient(number))
            self.convolution.backward(number)
        return self.convolution.x_gradient


class Channels(NamedTuple):
    """What batch norm keeps of each channel, all [T, 1, F]."""

    mean: Array
    variance: Array
    scale: Array
    shift: Array
    slope: Array
    offset: Array


class _Tile:
    """A tile's part of what a block makes, and of its gradients."""

    y: Array
    out_gradient: Array
    gradients: tuple[Array, ...]  # of gamma and beta

    def __init__(self, tile: Tile, channels: list[Tensor], shares: Tensor, out: Tensor, *pooled: Tensor) -> None:
        self.tile = tile
        self.channels = Channels(*_arrays(*(channel[tile.tasks] for channel in channels)))
        self.shares, self.out, *self.pooled = _arrays(*(tile.of(tensor) for tensor in (shares, out, *pooled)))

    @property
    def source(self) -> Array:
        """The y that each place of `out` was made of."""
        return self.pooled[1] if self.pooled else self.y

    def activate(self) -> None:
        """Writes `out`."""
        kernel = kernels.activate_pooled if self.pooled else kernels.activate
        kernel(self.y, self.channels.scale, self.channels.shift, self.out, *self.pooled)

    def backward(self, y_gradient: Array) -> None:
        """Writes `y_gradient`."""
        _, _, scale, _, slope, offset = self.channels
        kernel = kernels.activate_pooled_backward if self.pooled else kernels.activate_backward
        passed = self.pooled[0] if self.pooled else self.out
        kernel(self.out_gradient, passed, self.y, self.shares, scale, slope, offset, y_gradient)


def block(
    x: Tensor, weight: Tensor, gamma: Tensor, beta: Tensor, shares: Tensor, stride: int, pool: int
) -> tuple[Tensor, Tensor, Tensor]:
    """As `plain.block`, without a gradient."""
    made = Block(x, weight, gamma, beta, shares, stride, pool, Room(x))
    return made.forward(), made.mean, made.variance


def frozen_block(
    x: Tensor, weight: Tensor, gamma: Tensor, beta: Tensor, mean: Tensor, variance: Tensor, stride: int, pool: int
) -> Tensor:
    """As `plain.frozen_block`, without a gradient."""
    shares = x.new_empty(x.shape[:2])  # of the batch's own statistics, which nobody asks for
    return Block(x, weight, gamma, beta, shares, stride, pool, Room(x)).frozen(mean, variance)


def _arrays(*tensors: Tensor) -> tuple[Array, ...]:
    return tuple(tensor.numpy() for tensor in tensors)
