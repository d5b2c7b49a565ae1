"""The layer that a Conv4 has four of, and the interface of its two implementations, `plain` and `compiled`."""

from typing import NamedTuple, Protocol

from torch import Tensor

KERNEL = 3
EPSILON = 1e-3  # TensorFlow's default, which the Reptile paper's networks use


class Statistics(NamedTuple):
    """Mean and variance of a layer's convolution outputs, each [T, 1, F]."""

    mean: Tensor
    variance: Tensor


class BlockInputs(NamedTuple):
    """What T tasks give a block: images and weights of their own.

    x [T, B, H, W, C]; weight [T, 9·C, F], rows in (row, column, channel) order; gamma and beta [T, 1, F].
    """

    x: Tensor
    weight: Tensor
    gamma: Tensor
    beta: Tensor


class ConvolutionBlock(Protocol):
    """3×3 convolution → batch norm → maximum over windows → ReLU, for T tasks. Padding is SAME throughout.

    With y the convolution's output and y' = γ · (y − mean) / √(variance + ε) + β, the block gives
    relu(max_pool(y')) [T, B, H', W', F].
    """

    def __call__(self, inputs: BlockInputs, shares: Tensor) -> tuple[Tensor, Statistics]:
        """Return the output under the batch's own statistics, and these.

        `shares` [T, B] is the weight of each place of an image's y in the statistics; over all places they sum to 1.
        """

    def frozen(self, inputs: BlockInputs, statistics: Statistics) -> Tensor:
        """Return the output under given statistics."""
