"""Accuracies of the same episodes, and differences between contenders, with 95 % intervals."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from benchmarks.photo_accuracy.contenders import ALTERNATIVES

Accuracies: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """A mean and half the width of its 95 % interval, both of accuracies from 0 to 1 or of their differences."""

    mean: float
    interval: float

    def __str__(self) -> str:
        return f"{100 * self.mean:.2f} ± {100 * self.interval:.2f}"

    @property
    def signed(self) -> str:
        """As a difference."""
        return f"{100 * self.mean:+.2f} ± {100 * self.interval:.2f}"


@dataclass(frozen=True)
class Result:
    """What each contender made of the same E episodes of a data set: accuracies [E] by name."""

    data: str
    ways: int
    shots: int
    accuracies: dict[str, Accuracies]

    @property
    def best_alternative(self) -> str:
        """The one with the highest mean of these very episodes, which favours the alternatives a little."""
        return max(ALTERNATIVES, key=lambda name: float(self.accuracies[name].mean()))

    def score(self, name: str) -> Estimate:
        """Of a contender."""
        return estimate(self.accuracies[name])

    def difference(self, name: str, other: str) -> Estimate:
        """By how much a contender is better than another, episode by episode."""
        return estimate(self.accuracies[name] - self.accuracies[other])


def estimate(values: Accuracies) -> Estimate:
    """The mean of two values or more, with 1.96 standard errors around it."""
    return Estimate(float(values.mean()), 1.96 * float(values.std(ddof=1)) / len(values) ** 0.5)


def mean(estimates: Sequence[Estimate]) -> Estimate:
    """Over data sets, each counting the same; the interval is for these sets, not for others like them."""
    interval = float(np.sqrt(sum(one.interval**2 for one in estimates))) / len(estimates)
    return Estimate(sum(one.mean for one in estimates) / len(estimates), interval)
