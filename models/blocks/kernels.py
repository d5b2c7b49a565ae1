"""What a convolution block and Adam do between matrix products, as compiled loops over arrays: one pass each.

Written in plain torch operations the same work is several passes through memory and as many dispatches, and costs as
much time as the matrix products. Arrays are C-contiguous; all of a call's have one floating type. Every function
writes to the arrays named last, and nothing else.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit

Kernel = Callable[..., None]


def compiled(function: Kernel) -> Kernel:
    """Compiled at its first call, and kept on disk for the next process where there is a place to keep it."""
    options: dict[str, Any] = {"nogil": True, "error_model": "numpy", "fastmath": {"contract", "nsz"}}
    try:
        return njit(cache=True, **options)(function)  # type: ignore[no-any-return]
    except RuntimeError:  # neither the package's folder nor the user's cache can be written
        return njit(**options)(function)  # type: ignore[no-any-return]


@compiled
def extract_patches(x: Any, channels: int, stride: int, top: int, left: int, patches: Any) -> None:
    """The 3×3 windows of x [N, H, W·C], 0 outside it: patches [N, H', W', 3, 3·C]."""
    height, width = x.shape[1], x.shape[2] // channels
    for n in range(len(patches)):
        for r in range(patches.shape[1]):
            for s in range(patches.shape[2]):
                column = s * stride - left
                first, last = max(0, -column), min(3, width - column)
                for i in range(3):
                    row = r * stride + i - top
                    window = patches[n, r, s, i]
                    if row < 0 or row >= height:
                        window[:] = 0
                        continue
                    inside = window[first * channels : last * channels]
                    source = x[n, row, (column + first) * channels : (column + last) * channels]
                    for c in range(len(inside)):
                        inside[c] = source[c]
                    window[: first * channels] = 0
                    window[last * channels :] = 0


@compiled
def fold_patches(patches: Any, channels: int, stride: int, top: int, left: int, x: Any) -> None:
    """The adjoint of `extract_patches`: adds each patch to where it came from."""
    height, width = x.shape[1], x.shape[2] // channels
    for n in range(len(patches)):
        x[n] = 0
        for r in range(patches.shape[1]):
            for s in range(patches.shape[2]):
                column = s * stride - left
                first, last = max(0, -column), min(3, width - column)
                for i in range(3):
                    row = r * stride + i - top
                    if row >= 0 and row < height:
                        inside = patches[n, r, s, i, first * channels : last * channels]
                        target = x[n, row, (column + first) * channels : (column + last) * channels]
                        for c in range(len(target)):
                            target[c] += inside[c]


@compiled
def moments(y: Any, shares: Any, mean: Any, variance: Any) -> None:
    """Mean and variance [T, 1, F] of y [T, B, R, S, F], where each place of an image counts `shares` [T, B]."""
    zero = y.dtype.type(0)
    tasks, batch, rows, columns, filters = y.shape
    total, squares = np.empty(filters, y.dtype), np.empty(filters, y.dtype)
    for t in range(tasks):
        mean[t, 0] = 0
        variance[t, 0] = 0
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
                variance[t, 0, f] += shares[t, b] * squares[f]
        for f in range(filters):
            variance[t, 0, f] = max(variance[t, 0, f] - mean[t, 0, f] * mean[t, 0, f], zero)


@compiled
def activate(
    y: Any, mean: Any, variance: Any, gamma: Any, beta: Any, epsilon: float, pool: int, out: Any, chosen: Any
) -> None:
    """Batch norm, maximum over windows of pool×pool, ReLU: out [T, B, ⌈R/pool⌉, ⌈S/pool⌉, F].

    `chosen`, int8 of the same shape, is the window's place that the maximum came from, −1 where ReLU cut it off.
    """
    one = y.dtype.type(1)
    tasks, batch, rows, columns, filters = y.shape
    scale, shift = np.empty(filters, y.dtype), np.empty(filters, y.dtype)
    for t in range(tasks):
        for f in range(filters):
            scale[f] = gamma[t, 0, f] * (one / np.sqrt(variance[t, 0, f] + y.dtype.type(epsilon)))
            shift[f] = beta[t, 0, f] - mean[t, 0, f] * scale[f]
        for b in range(batch):
            for r in range(out.shape[2]):
                for s in range(out.shape[3]):
                    best, place = out[t, b, r, s], chosen[t, b, r, s]
                    best[:] = 0
                    place[:] = -1
                    for i in range(min(pool, rows - r * pool)):
                        for j in range(min(pool, columns - s * pool)):
                            value = y[t, b, r * pool + i, s * pool + j]
                            for f in range(filters):
                                z = value[f] * scale[f] + shift[f]
                                if not z <= best[f]:  # so NaN goes on
                                    best[f] = z
                                    place[f] = np.int8(i * pool + j)


@compiled
def activate_backward(
    out_gradient: Any,
    chosen: Any,
    y: Any,
    shares: Any,
    mean: Any,
    variance: Any,
    gamma: Any,
    epsilon: float,
    pool: int,
    y_gradient: Any,
    gamma_gradient: Any,
    beta_gradient: Any,
) -> None:
    """The adjoint of `moments` and `activate` together, given the gradient of `out`.

    With x̂ = (y − mean) / σ and g the gradient after batch norm:
    dβ = Σ g, dγ = Σ g·x̂, dy = γ/σ · (g − share · (dβ + x̂ · dγ)).
    """
    zero, one = y.dtype.type(0), y.dtype.type(1)
    tasks, batch, rows, columns, filters = y.shape
    scale, slope, offset = (np.empty(filters, y.dtype), np.empty(filters, y.dtype), np.empty(filters, y.dtype))
    for t in range(tasks):
        d_gamma, d_beta = gamma_gradient[t, 0], beta_gradient[t, 0]
        d_gamma[:] = 0
        d_beta[:] = 0
        for b in range(batch):
            for r in range(rows):
                for s in range(columns):
                    place = np.int8(r % pool * pool + s % pool)
                    value, taken = y[t, b, r, s], chosen[t, b, r // pool, s // pool]
                    gradient = out_gradient[t, b, r // pool, s // pool]
                    for f in range(filters):
                        g = gradient[f] if taken[f] == place else zero
                        d_beta[f] += g
                        d_gamma[f] += g * value[f]
        for f in range(filters):
            deviation = one / np.sqrt(variance[t, 0, f] + y.dtype.type(epsilon))
            d_gamma[f] = (d_gamma[f] - mean[t, 0, f] * d_beta[f]) * deviation
            scale[f] = gamma[t, 0, f] * deviation
            slope[f] = -scale[f] * deviation * d_gamma[f]
            offset[f] = -scale[f] * d_beta[f] - slope[f] * mean[t, 0, f]
        for b in range(batch):
            share = shares[t, b]
            for r in range(rows):
                for s in range(columns):
                    place = np.int8(r % pool * pool + s % pool)
                    value, taken = y[t, b, r, s], chosen[t, b, r // pool, s // pool]
                    gradient, result = out_gradient[t, b, r // pool, s // pool], y_gradient[t, b, r, s]
                    for f in range(filters):
                        g = gradient[f] if taken[f] == place else zero
                        result[f] = share * (value[f] * slope[f] + offset[f]) + g * scale[f]


@compiled
def adam(
    gradient: Any, rates: Any, correction: float, beta2: float, epsilon: float, bound: float, phi: Any, v: Any
) -> None:
    """One step of Adam with β₁ = 0 for phi and v [T, P], at `rates` [T]: v first, then phi.

    No weight moves further than `bound` learning rates.
    """
    kind = phi.dtype.type
    decay, share, small, most = kind(beta2), kind(1 - beta2), kind(epsilon), kind(bound / correction)
    for t in range(len(phi)):
        rate = kind(rates[t] * correction)
        g, weights, seconds = gradient[t], phi[t], v[t]
        for p in range(len(g)):
            seconds[p] = seconds[p] * decay + g[p] * g[p] * share
            step = g[p] / (np.sqrt(seconds[p]) + small)
            if step > most:
                step = most
            if step < -most:
                step = -most
            weights[p] -= rate * step
