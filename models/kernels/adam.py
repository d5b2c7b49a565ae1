"""A step of Adam in one pass over the weights.

It takes as long as the memory traffic does. Torch's operations need nine passes: at the paper's batches of 5 drawings
that is 14 to 26 % of an inner step, and 5 % of adapting to 25.
"""

from typing import Any

import numpy as np

from models.kernels.compilation import compiled


@compiled
def adam(
    gradients: Any,
    rates: Any,
    factors: Any,
    correction: float,
    beta2: float,
    epsilon: float,
    max_step: float,
    phis: Any,
    vs: Any,
) -> None:
    """Step each v and phi [T, P] of two tuples in place, v first; for the equation see `models.optimizers.Adam`.

    `rates` [T] are the tasks' learning rates, and `factors` multiply them, one for each phi.
    """
    for gradient, factor, phi, v in zip(gradients, factors, phis, vs):  # noqa: B905 (numba knows no strict)
        kind = phi.dtype.type
        decay, share, small, most = kind(beta2), kind(1 - beta2), kind(epsilon), kind(max_step / correction)
        for t in range(len(phi)):
            rate = kind(rates[t] * factor * correction)
            g, weights, seconds = gradient[t], phi[t], v[t]
            for p in range(len(g)):
                seconds[p] = seconds[p] * decay + g[p] * g[p] * share
                step = g[p] / (np.sqrt(seconds[p]) + small)
                if step > most:
                    step = most
                if step < -most:
                    step = -most
                weights[p] -= rate * step
