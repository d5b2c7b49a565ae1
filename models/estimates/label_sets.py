"""Sets of labels, for each example as few as hold the right one with a given probability (conformal prediction).

An example's labels are taken from the most probable on, until their probabilities come to a level (Romano, Sesia and
Candès 2020, without randomizing, so that no set is empty). Which level gives which coverage was found on other data.
"""

from bisect import bisect_right

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor


class LabelSetSpec(BaseModel):
    """Levels by the coverage that they gave."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    coverages: tuple[float, ...] = Field(description="Shares of examples whose right label was in the set, rising")
    levels: tuple[float, ...] = Field(description="What probabilities came to, for each of them")

    def level(self, coverage: float) -> float:
        """Return the level for a coverage between 0 and 1; between those that were fitted, in proportion."""
        known = [(0.0, 0.0), *zip(self.coverages, self.levels, strict=True), (1.0, 1.0)]
        place = bisect_right([each for each, _ in known], coverage)
        (low, least), (high, most) = known[place - 1], known[min(place, len(known) - 1)]
        return least if high == low else least + (most - least) * (coverage - low) / (high - low)


def label_sets(probabilities: Tensor, level: float) -> Tensor:
    """Return which labels are in each example's set [Q, N], from probabilities [Q, N]."""
    return likelier(probabilities) < max(level, torch.finfo(probabilities.dtype).tiny)


def likelier(probabilities: Tensor) -> Tensor:
    """Return what all likelier labels' probabilities come to, for each label [Q, N]."""
    ranked, order = probabilities.sort(dim=1, descending=True)
    return torch.zeros_like(probabilities).scatter(1, order, ranked.cumsum(dim=1) - ranked)
