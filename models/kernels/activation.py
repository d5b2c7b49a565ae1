"""ReLU of z = y·scale + shift, with or without a maximum over windows before it, and the gradient of y.

For the factors see `batch_norm`. y is [T, B, R, S, F]; scale, shift, slope and offset are [T, 1, F]; shares are [T, B].
"""

from typing import Any

import numpy as np

from models.kernels.compilation import compiled


@compiled
def activate(y: Any, scale: Any, shift: Any, out: Any) -> None:
    """Write ReLU(z) to `out`, of the shape of y."""
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
                        result[f] = zero if z <= zero else z  # NaN passes


@compiled
def activate_pooled(y: Any, scale: Any, shift: Any, out: Any, argmax: Any, winner: Any) -> None:
    """Write ReLU of the maximum of z over windows of 2×2 to `out` [T, B, ⌈R/2⌉, ⌈S/2⌉, F].

    Of the same shape are `argmax`, int8, which place of the window the maximum came from, −1 where ReLU cut it off, and
    `winner`, y at that place. A window at an odd edge sees its places twice, and takes the first.
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
                    result, places, values = out[t, b, r, s], argmax[t, b, r, s], winner[t, b, r, s]
                    for f in range(filters):
                        best, place, value = zero, np.int8(-1), zero
                        for n, v in enumerate((v0[f], v1[f], v2[f], v3[f])):
                            z = v * slope[f] + offset[f]
                            if not z <= best:  # NaN passes
                                best, place, value = z, np.int8(n), v
                        result[f], places[f], values[f] = best, place, value


@compiled
def activate_backward(
    out_gradient: Any, out: Any, y: Any, shares: Any, scale: Any, slope: Any, offset: Any, y_gradient: Any
) -> None:
    """Write dy, from the gradient of `activate`'s `out`."""
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
    out_gradient: Any, argmax: Any, y: Any, shares: Any, scale: Any, slope: Any, offset: Any, y_gradient: Any
) -> None:
    """Write dy, from the gradient of `activate_pooled`'s `out` and its `argmax`."""
    zero = y.dtype.type(0)
    tasks, batch, rows, columns, filters = y.shape
    for t in range(tasks):
        direct, by_y, always = scale[t, 0], slope[t, 0], offset[t, 0]
        for b in range(batch):
            share = shares[t, b]
            for r in range(rows):
                for s in range(columns):
                    place = np.int8(r % 2 * 2 + s % 2)
                    value, taken = y[t, b, r, s], argmax[t, b, r // 2, s // 2]
                    gradient, result = out_gradient[t, b, r // 2, s // 2], y_gradient[t, b, r, s]
                    for f in range(filters):
                        g = gradient[f] if taken[f] == place else zero
                        result[f] = share * (value[f] * by_y[f] + always[f]) + g * direct[f]
