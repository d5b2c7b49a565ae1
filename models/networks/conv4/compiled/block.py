"""The convolution block in compiled loops around the convolutions, and its backward written by hand."""

from dataclasses import dataclass
from typing import Any, TypeAlias

from numpy.typing import NDArray
from torch import Tensor

from models.kernels import batch_norm
from models.networks.conv4.block import EPSILON, BlockInputs, Statistics
from models.networks.conv4.compiled.block_tile import BlockOutput, BlockTile, Channels, argmax_and_winner
from models.networks.conv4.compiled.direct_convolution import DirectConvolution
from models.networks.conv4.compiled.patch_convolution import PatchConvolution
from models.networks.conv4.compiled.workspace import Workspace
from models.networks.padding import places

Array: TypeAlias = NDArray[Any]


@dataclass(frozen=True)
class CompiledBlock:
    """A ConvolutionBlock on the CPU, without a gradient; for that see BlockPlan."""

    stride: int
    pool: int = 1

    def __call__(self, inputs: BlockInputs, shares: Tensor) -> tuple[Tensor, Statistics]:
        """See ConvolutionBlock."""
        plan = self._plan(inputs, shares)
        return plan.forward(), plan.statistics

    def frozen(self, inputs: BlockInputs, statistics: Statistics) -> Tensor:
        """See ConvolutionBlock."""
        unused = inputs.x.new_empty(inputs.x.shape[:2])  # the batch's own statistics are not computed
        return self._plan(inputs, unused).frozen(statistics)

    def _plan(self, inputs: BlockInputs, shares: Tensor) -> "BlockPlan":
        return BlockPlan(inputs, shares, self.stride, self.pool, Workspace(inputs.x))


class BlockPlan:
    """A block bound to tensors that change in place: it finds shapes and memory once, for many steps.

    `forward` and `backward` read what the tensors hold at each call.
    """

    def __init__(
        self, inputs: BlockInputs, shares: Tensor, stride: int, pool: int, workspace: Workspace, name: str = ""
    ) -> None:
        x, weight, gamma, beta = inputs
        convolution = DirectConvolution if stride == 1 else PatchConvolution
        self.convolution = convolution(x, weight, stride, workspace, name)
        self.places = places(x.shape[2], stride) * places(x.shape[3], stride)
        sides = (places(places(side, stride), pool) for side in x.shape[2:4])
        shape = *x.shape[:2], *sides, weight.shape[2]
        self.out = workspace.tensor(f"{name}.out", *shape)
        channels = workspace.tensor(f"{name}.channels", len(Channels._fields), *gamma.shape)
        self.statistics = Statistics(channels[0], channels[1])
        self._channels = Channels(*channels.numpy())
        self._gamma, self._beta = _arrays(gamma, beta)
        out = BlockOutput(self.out.numpy(), *(() if pool == 1 else argmax_and_winner(workspace, name, shape)))
        self._tiles = [BlockTile(tile, self._channels, shares.numpy(), out) for tile in self.convolution.tiles]

    def forward(self) -> Tensor:
        """Return the output under the batch's statistics, which `statistics` then holds."""
        mean, variance, scale, shift, *_ = self._channels
        mean[:] = variance[:] = 0
        for number, tile in enumerate(self._tiles):
            tile.y = self.convolution.forward(number)
            batch_norm.add_moments(tile.y, tile.shares, tile.channels.mean, tile.channels.variance)
        batch_norm.to_variance(mean, variance)
        batch_norm.scale_and_shift(mean, variance, self._gamma, self._beta, EPSILON, scale, shift)
        for tile in self._tiles:
            tile.activate()
        return self.out

    def frozen(self, statistics: Statistics) -> Tensor:
        """Return the output under given statistics."""
        _, _, scale, shift, *_ = self._channels
        batch_norm.scale_and_shift(*_arrays(*statistics), self._gamma, self._beta, EPSILON, scale, shift)
        for number, tile in enumerate(self._tiles):
            tile.y = self.convolution.forward(number)
            tile.activate()
        return self.out

    def prepare_backward(
        self, weight_gradient: Tensor, gamma_gradient: Tensor, beta_gradient: Tensor, *, needs_x: bool
    ) -> None:
        """Set where `backward` writes the parameters' gradients, and whether it computes that of x."""
        self.convolution.prepare_backward(weight_gradient, needs_x=needs_x)
        self._gradients = _arrays(gamma_gradient, beta_gradient)
        for tile in self._tiles:
            tile.gradients = tuple(gradient[tile.tile.tasks] for gradient in self._gradients)

    def backward(self, out_gradient: Tensor) -> Tensor:
        """Return the gradient of x after a `forward`; an empty tensor where x needs none."""
        gamma_gradient, beta_gradient = self._gradients
        gamma_gradient[:] = beta_gradient[:] = 0
        for tile in self._tiles:
            tile.add_parameter_gradients(out_gradient)
        mean, variance, _, _, slope, offset = self._channels
        given = mean, variance, self._gamma, beta_gradient, EPSILON
        batch_norm.backward_factors(*given, gamma_gradient, slope, offset)
        for number, tile in enumerate(self._tiles):
            tile.backward(self.convolution.y_gradient(number))
            self.convolution.backward(number)
        return self.convolution.x_gradient


def _arrays(*tensors: Tensor) -> tuple[Array, ...]:
    return tuple(tensor.numpy() for tensor in tensors)
