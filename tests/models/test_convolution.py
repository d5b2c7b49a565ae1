"""The convolution block against autograd on a plain reading of the same formulas."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn.functional import conv2d, pad

from models.convolution import EPSILON, convolution_block, extract_patches, fold_patches, same_padding


def plain_block(x: Tensor, weight: Tensor, gamma: Tensor, beta: Tensor, stride: int, real: Tensor) -> Tensor:
    """The block task by task, with torch's convolution, over the images that are not padding."""
    out = []
    for task in range(len(x)):
        padding = (*same_padding(x.shape[3], stride), *same_padding(x.shape[2], stride))
        kernel = weight[task].view(3, 3, x.shape[4], -1).permute(3, 2, 0, 1)
        y = conv2d(pad(x[task].permute(0, 3, 1, 2), padding), kernel, stride=stride).permute(0, 2, 3, 1)
        seen = y[real[task] > 0].flatten(0, 2)
        mean, variance = seen.mean(dim=0), seen.var(dim=0, unbiased=False)
        out.append(((y - mean) / (variance + EPSILON).sqrt() * gamma[task] + beta[task]).relu())
    return torch.stack(out)


@pytest.mark.parametrize(("size", "stride"), [(7, 2), (14, 2), (9, 1)])
@pytest.mark.parametrize("padded", [False, True])
def test_output_and_gradients_equal_autograd(size: int, stride: int, padded: bool) -> None:
    generator = torch.Generator().manual_seed(0)

    def leaf(*shape: int) -> Tensor:
        return torch.randn(shape, dtype=torch.double, generator=generator).requires_grad_()

    leaves = [leaf(3, 4, size, size, 5), leaf(3, 45, 6), leaf(3, 1, 6), leaf(3, 1, 6)]
    real = torch.ones(3, 4, dtype=torch.double)
    if padded:
        real[1, 3:] = real[2, 2:] = 0
    out, _ = convolution_block(*leaves, stride, real if padded else None)
    expected = plain_block(*leaves, stride, real)
    torch.testing.assert_close(out * real[:, :, None, None, None], expected * real[:, :, None, None, None])
    downstream = torch.randn(out.shape, dtype=torch.double, generator=generator) * real[:, :, None, None, None]
    gradients = torch.autograd.grad((out * downstream).sum(), leaves)
    for mine, theirs in zip(gradients, torch.autograd.grad((expected * downstream).sum(), leaves), strict=True):
        torch.testing.assert_close(mine, theirs)


@pytest.mark.parametrize(("size", "stride"), [(28, 2), (7, 2), (5, 1)])
def test_folding_is_the_adjoint_of_extracting(size: int, stride: int) -> None:
    x = torch.randn(2, 3, size, size, 4, dtype=torch.double)
    patches = extract_patches(x, stride)
    other = torch.randn_like(patches)
    folded = fold_patches(other, x.shape, stride)
    torch.testing.assert_close((patches * other).sum(), (x * folded).sum())


def test_frozen_statistics_give_the_output_of_the_batch_they_came_from() -> None:
    x, weight = torch.randn(2, 6, 8, 8, 3), torch.randn(2, 27, 4)
    gamma, beta = torch.ones(2, 1, 4), torch.zeros(2, 1, 4)
    out, statistics = convolution_block(x, weight, gamma, beta, 2)
    again, _ = convolution_block(x[:, :1], weight, gamma, beta, 2, statistics=statistics)
    torch.testing.assert_close(again, out[:, :1])


def test_blank_images_give_finite_output() -> None:
    x = torch.full((1, 3, 8, 8, 1), 0.7)
    out, _ = convolution_block(x, torch.randn(1, 9, 4), torch.ones(1, 1, 4), torch.zeros(1, 1, 4), 2)
    assert out.isfinite().all()
