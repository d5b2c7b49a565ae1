"""Batch norm of each task and channel (Ioffe and Szegedy 2015, algorithm 1), and its gradients.

With y [T, B, R, S, F] the convolution's output, w the share of a place in the statistics (a task's sum to 1), and sums
over a task's images and places:

    forward     μ = Σ w·y,    σ² = Σ w·y² − μ²,    x̂ = (y − μ) / √(σ² + ε),    z = γ·x̂ + β = y·scale + shift
    backward    dβ = Σ dz,    dγ = Σ dz·x̂,    dy = γ / √(σ² + ε) · (dz − w·(dβ + x̂·dγ))

so that dy = dz·scale + w·(y·slope + offset) with factors of the channel alone. Arrays of a channel are [T, 1, F].
"""

from typing import Any

import numpy as np

from models.kernels.compilation import compiled


@compiled
def add_moments(y: Any, shares: Any, mean: Any, square: Any) -> None:
    """Add Σ w·y to `mean` and Σ w·y² to `square`, with w from `shares` [T, B]."""
    tasks, batch, rows, columns, filters = y.shape
    total, squares = np.empty(filters, y.dtype), np.empty(filters, y.dtype)
    for t in range(tasks):
        for b in range(batch):
            total[:] = 0
            squares[:] = 0
            for r in range(rows):
                for s in range(columns):
                    place = y[t, b, r, s]
                    for f in range(filters):
                        total[f] += place[f]
                        squares[f] += place[f] * place[f]
            for f in range(filters):
                mean[t, 0, f] += shares[t, b] * total[f]
                square[t, 0, f] += shares[t, b] * squares[f]


@compiled
def to_variance(mean: Any, square: Any) -> None:
    """Turn Σ w·y² into the variance, in place; rounding below 0 becomes 0."""
    for t in range(len(mean)):
        for f in range(mean.shape[2]):
            square[t, 0, f] = max(square[t, 0, f] - mean[t, 0, f] * mean[t, 0, f], mean.dtype.type(0))


@compiled
def scale_and_shift(mean: Any, variance: Any, gamma: Any, beta: Any, epsilon: float, scale: Any, shift: Any) -> None:
    """Write the factors of z = y·scale + shift."""
    for t in range(len(mean)):
        for f in range(mean.shape[2]):
            scale[t, 0, f] = gamma[t, 0, f] / np.sqrt(variance[t, 0, f] + mean.dtype.type(epsilon))
            shift[t, 0, f] = beta[t, 0, f] - mean[t, 0, f] * scale[t, 0, f]


@compiled
def add_parameter_gradients(out_gradient: Any, out: Any, y: Any, weighted: Any, beta_gradient: Any) -> None:
    """Add Σ dz·y to `weighted` and Σ dz to `beta_gradient`.

    dz is `out_gradient` where `out` is above 0. After a maximum, y is what each window's maximum came from. The three
    have one shape, [T, B, R, S, F].
    """
    zero = y.dtype.type(0)
    tasks, batch, rows, columns, filters = out.shape
    for t in range(tasks):
        products, plain = weighted[t, 0], beta_gradient[t, 0]
        for b in range(batch):
            for r in range(rows):
                for s in range(columns):
                    gradient, active, value = out_gradient[t, b, r, s], out[t, b, r, s], y[t, b, r, s]
                    for f in range(filters):
                        g = gradient[f] if active[f] != zero else zero
                        plain[f] += g
                        products[f] += g * value[f]


@compiled
def backward_factors(
    mean: Any,
    variance: Any,
    gamma: Any,
    beta_gradient: Any,
    epsilon: float,
    gamma_gradient: Any,
    slope: Any,
    offset: Any,
) -> None:
    """Write the factors `slope` and `offset` of dy, and turn `gamma_gradient` from Σ dz·y into dγ."""
    one = mean.dtype.type(1)
    for t in range(len(mean)):
        for f in range(mean.shape[2]):
            inverse = one / np.sqrt(variance[t, 0, f] + mean.dtype.type(epsilon))
            found = (gamma_gradient[t, 0, f] - mean[t, 0, f] * beta_gradient[t, 0, f]) * inverse
            scale = gamma[t, 0, f] * inverse
            gamma_gradient[t, 0, f] = found
            slope[t, 0, f] = -scale * inverse * found
            offset[t, 0, f] = -scale * beta_gradient[t, 0, f] - slope[t, 0, f] * mean[t, 0, f]
