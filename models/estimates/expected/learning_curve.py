"""How good heads of fewer examples are: whether more of them would help."""

from collections.abc import Sequence
from typing import TypeAlias

import torch
from torch import Tensor

from models.estimates.cross_validation import Folds, left_out, places, takes_long
from models.heads.interface import Head
from models.tasks import FeatureSet

Curve: TypeAlias = Sequence[tuple[int, float]]
"""Numbers of examples of each class, and the share of all others that heads of so few get right."""
TURNS = 2
"""How often the examples that a curve's heads are made of are chosen anew."""


def learning_curves(head: Head, sets: Sequence[FeatureSet]) -> list[Curve]:
    """Return each support set's curve, at 1, 2, 4, ... examples, below the size of the smallest class.

    Empty where that class has but one example, or there are too many.
    """
    sizes = [_sizes(each) for each in sets]
    asked = [Folds(each, _held(each, own)) for each, own in zip(sets, sizes, strict=True) if own]
    said = iter(zip(asked, left_out(head, asked), strict=True))
    return [_curve(own, *next(said)) if own else () for own in sizes]


def _sizes(examples: FeatureSet) -> list[int]:
    least = int(torch.bincount(examples.labels, minlength=examples.ways).amin())
    few = not takes_long(examples.labels, examples.ways)
    return [2**power for power in range(least) if 2**power < least] if few else []


def _held(examples: FeatureSet, sizes: Sequence[int]) -> Tensor:
    """Which examples [sizes · TURNS, S] each head is made without."""
    labels, ways = examples.labels, examples.ways
    shots = torch.bincount(labels, minlength=ways)[labels]
    chosen = torch.tensor([[size, turn * size] for size in sizes for turn in range(TURNS)])
    return (places(labels, ways) - chosen[:, 1:]) % shots >= chosen[:, :1]


def _curve(sizes: Sequence[int], folds: Folds, scores: Tensor) -> Curve:
    right = (scores.argmax(dim=2) == folds.examples.labels) & folds.held
    shares = right.view(len(sizes), -1).sum(dim=1) / folds.held.view(len(sizes), -1).sum(dim=1)
    return list(zip(sizes, shares.tolist(), strict=True))
