"""Sets of labels, for each example as few as hold the right one with a given probability (conformal prediction).

An example's labels are taken from the most probable on, until their probabilities come to a level (Romano, Sesia and
Candès 2020, without randomizing, so that no set is empty). Which level gives which coverage was found on other data.
"""

from collections.abc import Sequence

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor


class LabelSetSpec(BaseModel):
    """Levels by the coverage that they gave, of models of which so much or nothing is expected.

    One level for all models is too low where classes are hard to tell apart, and too high where they are not. How hard
    they are is what a model's expected accuracy tells, which comes of its own examples.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    coverages: tuple[float, ...] = Field(description="Shares of examples whose right label was in the set, rising")
    untold: tuple[float, ...] = Field(description="What probabilities came to where nothing is expected, for each")
    accuracies: tuple[float, ...] = Field(default=(), description="Expected accuracies, rising, and for each of them")
    levels: tuple[tuple[float, ...], ...] = Field(default=(), description="what probabilities came to")

    def level(self, coverage: float, expected: float | None) -> float:
        """Return the level for a coverage between 0 and 1 and a model's expected accuracy.

        Between those that were fitted, in proportion.
        """
        row: Sequence[float] = self.untold
        if expected is not None and self.accuracies:
            row = [float(np.interp(expected, self.accuracies, each)) for each in zip(*self.levels, strict=True)]
        return float(np.interp(coverage, (0, *self.coverages, 1), (0, *row, 1)))


def label_sets(probabilities: Tensor, level: float) -> Tensor:
    """Return which labels are in each example's set [Q, N], from probabilities [Q, N]."""
    return likelier(probabilities) < max(level, torch.finfo(probabilities.dtype).tiny)


def likelier(probabilities: Tensor) -> Tensor:
    """Return what all likelier labels' probabilities come to, for each label [Q, N]."""
    ranked, order = probabilities.sort(dim=1, descending=True)
    return torch.zeros_like(probabilities).scatter(1, order, ranked.cumsum(dim=1) - ranked)
