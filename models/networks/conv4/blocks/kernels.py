"""What a convolution block does between matrix products, as compiled loops over arrays: one pass each.

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
def add_moments(y: Any, shares: Any, mean: Any, square: Any) -> None:
    """Adds to mean and mean square [T, 1, F] those of y [T, B, R, S, F], by `shares` [T, B] of an image's places."""
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
    """The mean square [T, 1, F] becomes the variance."""
    for t in range(len(mean)):
        for f in range(mean.shape[2]):
            square[t, 0, f] = max(square[t, 0, f] - mean[t, 0, f] * mean[t, 0, f], mean.dtype.type(0))


@compiled
def scale_and_shift(mean: Any, variance: Any, gamma: Any, beta: Any, epsilon: float, scale: Any, shift: Any) -> None:
    """Batch norm as y·scale + shift, all [T, 1, F]."""
    for t in range(len(mean)):
        for f in range(mean.shape[2]):
            scale[t, 0, f] = gamma[t, 0, f] / np.sqrt(variance[t, 0, f] + mean.dtype.type(epsilon))
            shift[t, 0, f] = beta[t, 0, f] - mean[t, 0, f] * scale[t, 0, f]


@compiled
def activate(y: Any, scale: Any, shift: Any, out: Any) -> None:
    """Batch norm and ReLU: out [T, B, R, S, F] of y of the same shape."""
    zero = y.dtype.type(0)
    tasks, batch, rows, columns, filters = y.shape
    for t in range(tasks):
        slope, offset = scale[t, 0], shift[t, 0]
        for b in range(batch):
            for r in range(rows):
                for s in range(columns):
                    value, result = y[t, b, r, s], out[t, b, r, s]
                    for f in range(filters):
                        z = value[f] * slope[f] + offset[f]
                        result[f] = zero if z <= zero else z  # so NaN goes on


@compiled
def activate_pooled(y: Any, scale: Any, shift: Any, out: Any, chosen: Any, highest: Any) -> None:
    """Batch norm, maximum over windows of 2×2, ReLU: out [T, B, ⌈R/2⌉, ⌈S/2⌉, F].

    Of the same shape are `chosen`, int8, the window's place that the maximum came from, −1 where ReLU cut it off, and
    `highest`, y at that place. A window at an odd edge sees its places twice, and takes the first.
    """
    zero = y.dtype.type(0)
    tasks, batch, rows, columns, filters = y.shape
    for t in range(tasks):
        slope, offset = scale[t, 0], shift[t, 0]
        for b in range(batch):
            for r in range(out.shape[2]):
                above, below = y[t, b, 2 * r], y[t, b, min(2 * r + 1, rows - 1)]
                for s in range(out.shape[3]):
                    left, right = 2 * s, min(2 * s + 1, columns - 1)
                    v0, v1, v2, v3 = above[left], above[right], below[left], below[right]
                    result, places, sources = out[t, b, r, s], chosen[t, b, r, s], highest[t, b, r, s]
                    for f in range(filters):
                        best, place, value = zero, np.int8(-1), zero
                        for n, v in enumerate((v0[f], v1[f], v2[f], v3[f])):
                            z = v * slope[f] + offset[f]
                            if not z <= best:  # so NaN goes on
                                best, place, value = z, np.int8(n), v
                        result[f], places[f], sources[f] = best, place, value


@compiled
def add_parameter_gradients(out_gradient: Any, out: Any, y: Any, scale_gradient: Any, shift_gradient: Any) -> None:
    """Adds the gradients [T, 1, F] of batch norm's scale and shift, from `out`, its gradient, and the y that it is of.

    The three are [T, B, R, S, F].
    """
    zero = y.dtype.type(0)
    tasks, batch, rows, columns, filters = out.shape
    for t in range(tasks):
        weighted, plain = scale_gradient[t, 0], shift_gradient[t, 0]
        for b in range(batch):
            for r in range(rows):
                for s in range(columns):
                    gradient, active, value = out_gradient[t, b, r, s], out[t, b, r, s], y[t, b, r, s]
                    for f in range(filters):
                        g = gradient[f] if active[f] != zero else zero
                        plain[f] += g
                        weighted[f] += g * value[f]


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
    """The backward of batch norm as dy = share · (y·slope + offset) + g·scale, all [T, 1, F].

    With x̂ = (y − mean) / σ and g the gradient after batch norm:
    dβ = Σ g, dγ = Σ g·x̂, dy = γ/σ · (g − share · (dβ + x̂ · dγ)).
    `gamma_gradient` comes as Σ g·y and becomes dγ.
    """
    one = mean.dtype.type(1)
    for t in range(len(mean)):
        for f in range(mean.shape[2]):
            deviation = one / np.sqrt(variance[t, 0, f] + mean.dtype.type(epsilon))
            weighted = (gamma_gradient[t, 0, f] - mean[t, 0, f] * beta_gradient[t, 0, f]) * deviation
            scale = gamma[t, 0, f] * deviation
            gamma_gradient[t, 0, f] = weighted
            slope[t, 0, f] = -scale * deviation * weighted
            offset[t, 0, f] = -scale * beta_gradient[t, 0, f] - slope[t, 0, f] * mean[t, 0, f]


@compiled
def activate_backward(
    out_gradient: Any, out: Any, y: Any, shares: Any, scale: Any, slope: Any, offset: Any, y_gradient: Any
) -> None:
    """The adjoint of the batch's moments and `activate` together, by the factors of `backward_factors`."""
    zero = y.dtype.type(0)
    tasks, batch, rows, columns, filters = y.shape
    for t in range(tasks):
        direct, by_y, always = scale[t, 0], slope[t, 0], offset[t, 0]
        for b in range(batch):
            share = shares[t, b]
            for r in range(rows):
                for s in range(columns):
                    value, active = y[t, b, r, s], out[t, b, r, s]
                    gradient, result = out_gradient[t, b, r, s], y_gradient[t, b, r, s]
                    for f in range(filters):
                        g = gradient[f] if active[f] != zero else zero
                        result[f] = share * (value[f] * by_y[f] + always[f]) + g * direct[f]


@compiled
def activate_pooled_backward(
    out_gradient: Any, chosen: Any, y: Any, shares: Any, scale: Any, slope: Any, offset: Any, y_gradient: Any
) -> None:
    """The adjoint of the batch's moments and `activate_pooled` together, by the factors of `backward_factors`."""
    zero = y.dtype.type(0)
    tasks, batch, rows, columns, filters = y.shape
    for t in range(tasks):
        direct, by_y, always = scale[t, 0], slope[t, 0], offset[t, 0]
        for b in range(batch):
            share = shares[t, b]
            for r in range(rows):
                for s in range(columns):
                    place = np.int8(r % 2 * 2 + s % 2)
                    value, taken = y[t, b, r, s], chosen[t, b, r // 2, s // 2]
                    gradient, result = out_gradient[t, b, r // 2, s // 2], y_gradient[t, b, r, s]
                    for f in range(filters):
                        g = gradient[f] if taken[f] == place else zero
                        result[f] = share * (value[f] * by_y[f] + always[f]) + g * direct[f]


@compiled
def cross_entropy(scores: Any, labels: Any, ways: Any, losses: Any, gradient: Any) -> None:
    """Each task's mean cross-entropy [T] and its gradient [T, B, N], from logits [T, B, N] and labels [T, B].

    Left out are images whose label is negative, and the classes of a task from its `ways` [T] on.
    """
    tasks, batch, _ = scores.shape
    for t in range(tasks):
        count = scores.dtype.type(max(1, np.sum(labels[t] >= 0)))
        losses[t] = 0
        for b in range(batch):
            label, score, result = labels[t, b], scores[t, b, : ways[t]], gradient[t, b]
            result[:] = 0
            if label < 0:
                continue
            highest, total = score.max(), scores.dtype.type(0)
            for n in range(len(score)):
                result[n] = np.exp(score[n] - highest)
                total += result[n]
            losses[t] += (np.log(total) + highest - score[label]) / count
            for n in range(len(score)):
                result[n] /= total * count
            result[label] -= 1 / count
