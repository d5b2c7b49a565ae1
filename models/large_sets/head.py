"""A linear head for many examples and many classes, its penalty chosen by examples that it is made without."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from models.estimates.cross_validation import Signs
from models.estimates.temperature import CANDIDATES
from models.large_sets.array_file import ArrayFile
from models.large_sets.directions import coordinates, principal_directions
from models.large_sets.regression import Examples

DIRECTIONS = 1024
PENALTIES = (1e-5, 3e-6, 1e-6, 3e-7, 1e-7, 3e-8)
"""Of the squared weights, as shares of the examples' mean square; each solution is the next one's start."""
LEAST_SQUARES = (1e-3, 1e-4, 1e-5)
"""Penalties of the first start."""
SHARPER = (50, 100, 200, 400)
"""Factors of it, one of which makes scores of its outputs."""
ITERATIONS = 15
FOLDS = 5

Follow = Callable[[str, int, int], None]
"""Is told what is being done, and how many of how many examples or attempts are done."""


@dataclass(frozen=True)
class SolvedHead:
    """Weights W [N, F] of all examples, and what those made without the held-out ones said of these."""

    weight: Tensor
    penalty: float
    signs: Signs
    temperature: float
    """At which scores were as often right as they said."""
    right: float
    """The share of all examples that the head tells right, which it is made of."""

    @property
    def accuracy(self) -> float:
        """The share of the held-out examples that were told right."""
        return float((self.signs.scores.argmax(dim=1) == self.signs.own).float().mean())


def held_out(labels: Tensor, ways: int) -> Tensor:
    """Say of each example whether it is held out [S]: every fifth of a class, one of a class of two to four."""
    sizes = torch.bincount(labels, minlength=ways)[labels]
    order = labels.argsort(stable=True)
    grouped = labels[order]
    places = torch.empty_like(labels)
    places[order] = torch.arange(len(labels)) - torch.searchsorted(grouped, grouped)  # within its class
    return (sizes > 1) & (places % FOLDS == sizes.clamp_max(FOLDS) - 1)


def solve_head(features: ArrayFile, labels: Tensor, ways: int, held: Tensor, follow: Follow) -> SolvedHead:
    """Return the head for features [S, F] with labels [S]; `held` [S] are the examples that choose the penalty."""
    follow("Finding directions", 0, 1)
    seen = _counts(labels, ways, ~held)
    directions = principal_directions(features, seen, DIRECTIONS)
    examples = Examples(coordinates(features, directions), labels, seen, ways, directions)
    asked, own = examples.z[held], labels[held]
    weight = _first(examples, asked, own)
    best, penalty, most = weight, PENALTIES[0], -1.0
    for number, each in enumerate(PENALTIES):
        follow("Choosing the penalty", number, len(PENALTIES))
        weight = examples.fit(weight, each, ITERATIONS)
        right = float(((asked @ weight.T).argmax(dim=1) == own).sum())
        if right < most:
            break
        best, penalty, most = weight, each, right
    signs = Signs(asked @ best.T, own, held.nonzero()[:, 0], torch.bincount(labels, minlength=ways))
    follow("Solving the head", 0, 1)
    everything = Examples(examples.z, labels, _counts(labels, ways, torch.ones_like(held)), ways, directions)
    final = everything.fit(best, penalty, ITERATIONS)
    right = float(((everything.z @ final.T).argmax(dim=1) == labels).float().mean())
    return SolvedHead(final @ directions.q.T, penalty, signs, _temperature(signs), right)


def _counts(labels: Tensor, ways: int, taken: Tensor) -> Tensor:
    """Return what each example counts [S]: classes alike, 1 in all, 0 for those that aren't taken."""
    counts = taken / torch.bincount(labels[taken], minlength=ways).clamp_min(1)[labels]
    return counts / counts.sum()


def _first(examples: Examples, asked: Tensor, own: Tensor) -> Tensor:
    """Return the least-squares weights that do best on the held-out examples [L, D]."""
    found = []
    for penalty in LEAST_SQUARES:
        weight = examples.least_squares(penalty)
        scores = asked @ weight.T
        losses = {factor: float(cross_entropy(factor * scores, own)) for factor in SHARPER}
        factor = min(losses, key=losses.__getitem__)
        found.append((int((scores.argmax(dim=1) == own).sum()), factor * weight))
    return max(found, key=lambda each: each[0])[1]


def _temperature(signs: Signs) -> float:
    losses = [float(cross_entropy(signs.scores / each, signs.own)) for each in CANDIDATES.tolist()]
    return float(CANDIDATES[losses.index(min(losses))])
