"""How sure a model may be: the temperature of its scores, from what it said of its support set's left-out examples.

One temperature for all models is too sure of hard tasks and not sure enough of easy ones (Guo et al. 2017 fit one).
"""

import math

import torch
from torch import Tensor

from models.estimates.cross_validation import Signs

TEMPERATURE = "temperature"
"""Name of its temperature [1] among an adapted model's tensors."""
SPREAD = 0.5
"""Standard deviation of the logarithm of tasks' temperatures, by which few left-out examples say little."""
CANDIDATES = torch.logspace(-1.5, 1, 61)


def ratio(signs: Signs | None, usual: float | None) -> float:
    """Return how much hotter than usual a model's scores have to be, from left-out examples; 1 where it can't be told.

    `usual` is the temperature at which left-out examples of all tasks are as often right as their scores say.
    """
    if signs is None or usual is None:
        return 1.0
    logarithms = CANDIDATES.log()
    total = losses(signs).sum(dim=1) + (logarithms - math.log(usual)) ** 2 / (2 * SPREAD**2)
    best = int(total.argmin().clamp(1, len(total) - 2))
    before, least, after = total[best - 1 : best + 2].double().tolist()
    # The minimum of the parabola through three candidates: it follows rounding without a jump.
    beyond = (before - after) / (2 * (before - 2 * least + after))
    return math.exp(float(logarithms[best]) + beyond * float(logarithms[1] - logarithms[0])) / usual


def losses(signs: Signs) -> Tensor:
    """Return the cross-entropy of left-out examples at each of CANDIDATES [C, L]."""
    scores = signs.scores.float()
    own = scores.gather(1, signs.own[:, None]).squeeze(1)
    return (scores / CANDIDATES[:, None, None]).logsumexp(dim=2) - own / CANDIDATES[:, None]
