"""From what left-out examples of a support set say to the accuracy to expect of new ones.

How hard a task is, is a number θ on the scale of log odds: what heads made without some examples say of these tells it,
and what tasks are like in general, which weighs more the fewer the examples are that tell. A class's new examples are
right by log odds θ − `lack` / n where it has n examples, its learning curve, and by what its own examples say. This is
a Rasch model (1960) whose tasks' difficulties are shrunk to their mean.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, PositiveFloat
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from models.estimates.cross_validation import Signs

MOST = 0.99
"""Nobody knows that all new examples will be right."""
SMALLEST, LARGEST = 0.02, 0.99  # probabilities of left-out examples: their log odds go no further
NINETY_PERCENT = 1.645
"""Standard deviations of a normal distribution to either side of its mean that hold 90 % of it."""


@dataclass(frozen=True)
class Evidence:
    """What T support sets tell, padded to N classes."""

    odds: Tensor
    """Log odds of the mean probability of left-out examples' own classes [T, 1]."""
    of_classes: Tensor
    """The same of each class's examples [T, N]; 0 where none was left out."""
    shots: Tensor
    """Examples of each class, near copies counting as one [T, N]; 0 where no class is."""

    @classmethod
    def of(cls, signs: Sequence[Signs]) -> "Evidence":
        """From what cross-validation says."""
        odds = torch.tensor([[each.probability] for each in signs]).logit().clamp(*_LIMITS)
        own = [each.probabilities.logit().clamp(*_LIMITS).nan_to_num(0) for each in signs]
        shots = [each.shots.to(odds.dtype) for each in signs]
        return cls(odds, pad_sequence(own, batch_first=True), pad_sequence(shots, batch_first=True))

    @property
    def there(self) -> Tensor:
        """1 where a class is, else 0 [T, N]."""
        return (self.shots > 0).to(self.shots.dtype)

    @property
    def told(self) -> Tensor:
        """1 where a class has two examples, so that some were left out, else 0 [T, N]."""
        return (self.shots > 1).to(self.shots.dtype)

    @property
    def examples(self) -> Tensor:
        """How many left-out examples of equal classes would tell as much [T, 1]."""
        return self.told.sum(dim=1, keepdim=True).square() / self._total(1 / self.shots.clamp_min(1))

    @property
    def seen(self) -> Tensor:
        """Mean of 1 / (n − 1), what the head of a left-out example of a class of n had if it was alone [T, 1]."""
        return self._total(1 / (self.shots - 1).clamp_min(1)) / self.told.sum(dim=1, keepdim=True)

    @property
    def ways(self) -> Tensor:
        """N of each set [T, 1]."""
        return self.there.sum(dim=1, keepdim=True)

    def mean(self, values: Tensor) -> Tensor:
        """Return the mean over classes [T] of [T, N]."""
        return (values * self.there).sum(dim=1) / self.ways.squeeze(1)

    def _total(self, values: Tensor) -> Tensor:
        return (values * self.told).sum(dim=1, keepdim=True)


_LIMITS = tuple(torch.tensor([SMALLEST, LARGEST]).logit().tolist())


class AccuracySpec(BaseModel):
    """What accuracy follows from cross-validation within the support set, as was fitted on other data.

    The defaults are what 17 sets of pictures gave for `photo`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    slope: float = Field(default=1.3, description="θ is slope × log odds of left-out examples' own class")
    seen: float = Field(default=1.0, description="plus this × the mean of 1 / (examples of the class − 1)")
    offset: float = Field(default=0.0, description="plus this")
    ways: float = Field(default=0.3, description="plus this × log classes.")
    usual: float = Field(default=2.3, description="In general θ is this")
    usual_ways: float = Field(default=-0.25, description="plus this × log classes,")
    weight: PositiveFloat = Field(default=8.0, description="which counts as much as so many left-out examples.")
    lack: float = Field(default=1.4, description="A class of n examples lacks this / n")
    own: PositiveFloat = Field(default=2.5, description="and half of what its own say where these are so many.")
    spread: NonNegativeFloat = Field(default=0.002, description="Variance of what comes, whatever the support set;")
    noise: NonNegativeFloat = Field(default=0.06, description="plus this / left-out examples;")
    untold: NonNegativeFloat = Field(
        default=0.01, description="plus this × the share of the classes that have but one example"
    )

    def expect(self, signs: Sequence[Signs]) -> list["Expected"]:
        """Return what to expect of support sets, from what cross-validation says of each."""
        if not signs:
            return []
        evidence = Evidence.of(signs)
        of_classes = expected_accuracies(self.model_dump(), evidence).double().clamp(0, MOST)
        means = torch.maximum(evidence.mean(of_classes), 1 / evidence.ways.squeeze(1).double()).clamp_max(MOST)
        variances = parts_of_variance(evidence) @ torch.tensor([self.spread, self.noise, self.untold])
        rows = zip(means.tolist(), variances.sqrt().tolist(), of_classes.tolist(), signs, strict=True)
        return [Expected(mean, deviation, row[: len(each.shots)]) for mean, deviation, row, each in rows]


class Expected(NamedTuple):
    """What to expect of a support set's model."""

    accuracy: float
    """Of new examples, as many of each class: chance at least, and MOST at most."""
    deviation: float
    """Standard deviation of what comes around it."""
    of_classes: Sequence[float]
    """Of each class's new examples [N]."""


FITTED = ("slope", "seen", "offset", "ways", "usual", "usual_ways", "weight", "lack", "own")
"""Names of what `expected_accuracies` takes."""


def expected_accuracies(terms: Mapping[str, float | Tensor], evidence: Evidence) -> Tensor:
    """Return the accuracy to expect of each class [T, N], by the terms of an AccuracySpec."""
    ways = evidence.ways.log()
    told = terms["slope"] * evidence.odds + terms["seen"] * evidence.seen + terms["offset"] + terms["ways"] * ways
    usual = terms["usual"] + terms["usual_ways"] * ways
    share = evidence.examples / (evidence.examples + terms["weight"])
    own = evidence.told * evidence.shots / (evidence.shots + terms["own"]) * (evidence.of_classes - evidence.odds)
    difficulty = share * told + (1 - share) * usual
    return (difficulty + own - terms["lack"] / evidence.shots.clamp_min(1)).sigmoid()


def parts_of_variance(evidence: Evidence) -> Tensor:
    """Return what `spread`, `noise` and `untold` are multiplied by [T, 3]."""
    untold = 1 - evidence.told.sum(dim=1, keepdim=True) / evidence.ways
    return torch.cat([torch.ones_like(untold), 1 / evidence.examples, untold], dim=1)
