"""The convolution block, both implementations, against a plain reading of the same formulas."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn.functional import conv2d, max_pool2d, pad

from models.kernels import compilation
from models.networks.conv4.block import EPSILON, BlockInputs, ConvolutionBlock
from models.networks.conv4.compiled import tiles
from models.networks.conv4.compiled.block import BlockPlan, CompiledBlock
from models.networks.conv4.compiled.workspace import Workspace
from models.networks.conv4.convolution import convolution_block, image_shares
from models.networks.conv4.plain import PlainBlock
from models.networks.padding import same_padding

of_numba = pytest.mark.skipif(not compilation.AVAILABLE, reason="numba is not installed")


def textbook_block(
    x: Tensor, weight: Tensor, gamma: Tensor, beta: Tensor, real: Tensor, stride: int, pool: int
) -> Tensor:
    """The block task by task, with torch's own layers, over the images that are not padding."""
    out = []
    for task in range(len(x)):
        padding = (*same_padding(x.shape[3], 3, stride), *same_padding(x.shape[2], 3, stride))
        kernel = weight[task].view(3, 3, x.shape[4], -1).permute(3, 2, 0, 1)
        y = conv2d(pad(x[task].permute(0, 3, 1, 2), padding), kernel, stride=stride).permute(0, 2, 3, 1)
        seen = y[real[task] > 0].flatten(0, 2)
        mean, variance = seen.mean(dim=0), seen.var(dim=0, unbiased=False)
        z = (y - mean) / (variance + EPSILON).sqrt() * gamma[task] + beta[task]
        out.append(max_pool2d(z.permute(0, 3, 1, 2), pool, ceil_mode=True).permute(0, 2, 3, 1).relu())
    return torch.stack(out)


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def leaves(generator: torch.Generator, size: int, dtype: torch.dtype = torch.double) -> list[Tensor]:
    """x of 3 tasks with 4 images, weight, gamma and beta."""
    shapes = ((3, 4, size, size, 5), (3, 45, 6), (3, 1, 6), (3, 1, 6))
    return [torch.randn(shape, dtype=dtype, generator=generator).requires_grad_() for shape in shapes]


def compiled_block(*inputs: Tensor, stride: int, pool: int, downstream: Tensor) -> tuple[Tensor, list[Tensor]]:
    """The output, and the gradients of x, weight, gamma and beta."""
    x, weight, gamma, beta, shares = (tensor.detach() for tensor in inputs)
    block = BlockPlan(BlockInputs(x, weight, gamma, beta), shares, stride, pool, Workspace(x))
    gradients = [torch.full_like(tensor, torch.nan) for tensor in (weight, gamma, beta)]
    block.prepare_backward(*gradients, needs_x=True)
    out = block.forward().clone()
    return out, [block.backward(downstream), *gradients]


def plain_block(*inputs: Tensor, stride: int, pool: int, downstream: Tensor) -> tuple[Tensor, list[Tensor]]:
    """As `compiled_block`, by autograd."""
    *leaves, shares = inputs
    out, _ = PlainBlock(stride, pool)(BlockInputs(*leaves), shares)
    return out.detach(), list(torch.autograd.grad((out * downstream).sum(), leaves))


BlockAndGradients = Callable[..., tuple[Tensor, list[Tensor]]]
BOTH = [plain_block, pytest.param(compiled_block, marks=of_numba)]


@pytest.mark.parametrize("block", BOTH)
@pytest.mark.parametrize(("size", "stride", "pool"), [(7, 2, 1), (14, 2, 1), (9, 1, 1), (9, 1, 2), (8, 1, 2)])
@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("tile", [1, 2 * 7 * 7 * 45 * 8, tiles.TILE_BYTES])
def test_output_and_gradients_equal_autograds(
    block: BlockAndGradients,
    size: int,
    stride: int,
    pool: int,
    padded: bool,
    tile: int,
    generator: torch.Generator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tiles, "TILE_BYTES", tile)  # one image, several, or several tasks at a time
    inputs = leaves(generator, size)
    real = torch.ones(3, 4, dtype=torch.double)
    if padded:
        real[1, 3:] = real[2, 2:] = 0
    expected = textbook_block(*inputs, real, stride, pool)
    shares = image_shares(inputs[0], real if padded else None, (-(-size // stride)) ** 2)
    mask = real[:, :, None, None, None]
    downstream = torch.randn(expected.shape, dtype=torch.double, generator=generator) * mask
    out, gradients = block(*inputs, shares, stride=stride, pool=pool, downstream=downstream)
    torch.testing.assert_close(out * mask, expected.detach() * mask)
    for mine, theirs in zip(gradients, torch.autograd.grad((expected * downstream).sum(), inputs), strict=True):
        torch.testing.assert_close(mine, theirs)


@of_numba
@pytest.mark.parametrize("pool", [1, 2])
def test_both_implementations_agree_in_single_precision(pool: int, generator: torch.Generator) -> None:
    inputs = leaves(generator, 9, torch.float)
    shares = image_shares(inputs[0], None, 81)
    side = -(-9 // pool)
    downstream = torch.randn(3, 4, side, side, 6, generator=generator)
    results = [
        block(*inputs, shares, stride=1, pool=pool, downstream=downstream) for block in (plain_block, compiled_block)
    ]
    for one, other in zip(*([out, *gradients] for out, gradients in results), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("block", BOTH)
def test_a_tie_within_a_window_sends_its_gradient_to_one_place(block: BlockAndGradients) -> None:
    """As max-pooling does; equal pixels are common in drawings."""
    x = torch.ones(1, 2, 4, 4, 1)
    x[0, 1] = 0
    weight = torch.zeros(1, 9, 1)
    weight[0, 4] = 1
    inputs = [tensor.requires_grad_() for tensor in (x, weight, torch.ones(1, 1, 1), torch.zeros(1, 1, 1))]
    shares = image_shares(x, None, 16)
    _, (*_, beta_gradient) = block(*inputs, shares, stride=1, pool=2, downstream=torch.ones(1, 2, 2, 2, 1))
    assert beta_gradient.item() == 4  # the four windows of the image above the mean


@pytest.mark.parametrize("implementation", [PlainBlock, pytest.param(CompiledBlock, marks=of_numba)])
def test_what_is_not_a_number_does_not_vanish(implementation: Callable[[int, int], ConvolutionBlock]) -> None:
    x = torch.rand(1, 2, 4, 4, 1)
    inputs = BlockInputs(x, torch.full((1, 9, 3), torch.nan), torch.ones(1, 1, 3), torch.zeros(1, 1, 3))
    out, _ = implementation(1, 2)(inputs, image_shares(x, None, 16))
    assert out.isnan().all()


@pytest.mark.usefixtures("with_and_without_numba")
@pytest.mark.parametrize(("stride", "pool"), [(2, 1), (1, 2)])
def test_frozen_statistics_give_the_output_of_the_batch_they_came_from(stride: int, pool: int) -> None:
    x, weight = torch.randn(2, 6, 8, 8, 3), torch.randn(2, 27, 4)
    gamma, beta = torch.ones(2, 1, 4), torch.zeros(2, 1, 4)
    out, statistics = convolution_block(x, weight, gamma, beta, stride, pool)
    again, _ = convolution_block(x[:, :1], weight, gamma, beta, stride, pool, statistics=statistics)
    torch.testing.assert_close(again, out[:, :1])


@pytest.mark.usefixtures("with_and_without_numba")
def test_blank_images_give_finite_output() -> None:
    x = torch.full((1, 3, 8, 8, 1), 0.7)
    out, _ = convolution_block(x, torch.randn(1, 9, 4), torch.ones(1, 1, 4), torch.zeros(1, 1, 4), 2)
    assert out.isfinite().all()
