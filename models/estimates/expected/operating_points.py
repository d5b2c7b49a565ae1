"""What a model would answer, and how much of that would be right, if it left out answers of low scores."""

from typing import NamedTuple

import torch

from models.estimates.cross_validation import Signs

THRESHOLDS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)


class OperatingPoint(NamedTuple):
    """What happens where only answers of at least this score count, 0 to 1, if all classes are as frequent."""

    min_score: float
    answered: float
    """Share of the examples that get an answer."""
    right: float | None
    """Share of these answers that are right; None where there are none."""


def operating_points(signs: Signs, temperature: float) -> list[OperatingPoint]:
    """Return what left-out examples would have got at each of THRESHOLDS.

    `temperature` is that at which heads made without an example are as often right about it as their scores say.
    """
    scores, said = (signs.scores / temperature).softmax(dim=1).max(dim=1)
    weights = 1 / torch.bincount(signs.own).to(scores)[signs.own]
    answered = (weights / weights.sum()) * (scores >= torch.tensor(THRESHOLDS)[:, None])
    totals, right = answered.sum(dim=1).tolist(), (answered * (said == signs.own)).sum(dim=1).tolist()
    return [
        OperatingPoint(threshold, min(1.0, total), min(1.0, correct / total) if total else None)
        for threshold, total, correct in zip(THRESHOLDS, totals, right, strict=True)
    ]
