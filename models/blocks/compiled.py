"""The convolution block for the CPU: compiled loops around the convolutions, with its backward written by hand."""

from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from models.blocks import direct, kernels, patches
from models.blocks.windows import EPSILON, places


def block(
    x: Tensor, weight: Tensor, gamma: Tensor, beta: Tensor, shares: Tensor, stride: int, pool: int
) -> tuple[Tensor, Tensor, Tensor]:
    """As `plain.block`."""
    return _Block.apply(x, weight, gamma, beta, shares, stride, pool)  # type: ignore[no-any-return, no-untyped-call]


def convolution(x: Tensor, weight: Tensor, stride: int) -> Tensor:
    """As `plain.convolution`, without a gradient."""
    return direct.forward(x, weight) if stride == 1 else patches.forward(x, weight, stride)


def activation(y: Tensor, gamma: Tensor, beta: Tensor, mean: Tensor, variance: Tensor, pool: int) -> Tensor:
    """As `plain.activation`, without a gradient."""
    out, chosen = _outputs(y, 1, pool, y.shape[4])
    _activate(y, gamma, beta, mean, variance, pool, out, chosen)
    return out


class _Block(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, gamma: Tensor, beta: Tensor, shares: Tensor, stride: int, pool: int
    ) -> tuple[Tensor, Tensor, Tensor]:
        mean, variance = torch.empty_like(gamma), torch.empty_like(gamma)
        out, chosen = _outputs(x, stride, pool, weight.shape[2])
        ys = []
        for part in _parts(len(x), stride):
            y = convolution(x[part], weight[part], stride)
            kernels.moments(*map(_array, (y, shares[part], mean[part], variance[part])))
            _activate(y, gamma[part], beta[part], mean[part], variance[part], pool, out[part], chosen[part])
            ys.append(y)
        ctx.save_for_backward(x, weight, gamma, shares, mean, variance, chosen, *ys)
        ctx.stride, ctx.pool = stride, pool
        ctx.mark_non_differentiable(mean, variance)
        return out, mean, variance

    @staticmethod
    def backward(ctx: Any, out_gradient: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, gamma, shares, mean, variance, chosen, *ys = ctx.saved_tensors
        gamma_gradient, beta_gradient = torch.empty_like(gamma), torch.empty_like(gamma)
        out_gradient = out_gradient.contiguous()
        x_gradients: list[Tensor] = []
        weight_gradients: list[Tensor] = []
        for part, y in zip(_parts(len(x), ctx.stride), ys, strict=True):
            y_gradient = torch.empty_like(y)
            given = out_gradient[part], chosen[part], y, shares[part], mean[part], variance[part], gamma[part]
            made = y_gradient, gamma_gradient[part], beta_gradient[part]
            kernels.activate_backward(*map(_array, given), EPSILON, ctx.pool, *map(_array, made))
            of_x, of_weight = _convolution_backward(
                x[part], weight[part], y_gradient, ctx.stride, ctx.needs_input_grad[0]
            )
            weight_gradients.append(of_weight)
            if of_x is not None:
                x_gradients.append(of_x)
        x_gradient = _joined(x_gradients) if x_gradients else None
        return x_gradient, _joined(weight_gradients), gamma_gradient, beta_gradient, None, None, None


def _parts(tasks: int, stride: int) -> list[slice]:
    """Tasks that go through a block together: at stride 1 one, whose outputs fill the cache by themselves."""
    return [slice(task, task + 1) for task in range(tasks)] if stride == 1 else [slice(0, tasks)]


def _convolution_backward(
    x: Tensor, weight: Tensor, y_gradient: Tensor, stride: int, needs_x: bool
) -> tuple[Tensor | None, Tensor]:
    if stride == 1:
        return direct.backward(x, weight, y_gradient, needs_x=needs_x)
    return patches.backward(x, weight, y_gradient, stride, needs_x=needs_x)


def _outputs(x: Tensor, stride: int, pool: int, filters: int) -> tuple[Tensor, Tensor]:
    """Room for what a block makes of x, and for which places it came from."""
    tasks, batch, height, width, _ = x.shape
    shape = tasks, batch, *(places(places(size, stride), pool) for size in (height, width)), filters
    return x.new_empty(shape), x.new_empty(shape, dtype=torch.int8)


def _activate(
    y: Tensor,
    gamma: Tensor,
    beta: Tensor,
    mean: Tensor,
    variance: Tensor,
    pool: int,
    out: Tensor,
    chosen: Tensor,
) -> None:
    given = y, mean, variance, gamma, beta
    kernels.activate(*map(_array, given), EPSILON, pool, _array(out), _array(chosen))


def _joined(parts: list[Tensor]) -> Tensor:
    return parts[0] if len(parts) == 1 else torch.cat(parts)


def _array(tensor: Tensor) -> NDArray[Any]:
    return tensor.detach().numpy()
