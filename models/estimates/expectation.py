"""What a support set says of the accuracy to come."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat
from torch import Tensor

from models.estimates.cross_validation import Signs, cross_validate
from models.estimates.doubtful import Doubt, doubtful
from models.estimates.learning_curve import learning_curve
from models.estimates.near_copies import copies
from models.estimates.operating_points import OperatingPoint, operating_points
from models.estimates.temperature import ratio
from models.heads.interface import Head

LINEAR_FROM = 0.4  # lower probabilities were not among those that the calibration was fitted to
NINETY_PERCENT = 1.645
"""Standard deviations of a normal distribution to either side of its mean that hold 90 % of it."""
MOST = 0.99
"""Nobody knows that all new examples will be right."""
EVERY = 5
"""Left-out examples of a class that count as much as all other classes' for what is expected of it."""


class AccuracySpec(BaseModel):
    """What accuracy follows from cross-validation within the support set, as was fitted on other data."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    slope: float = Field(description="Expected accuracy is slope × held-out probability + offset")
    offset: float
    spread: NonNegativeFloat = Field(default=0, description="Variance of what comes, whatever the support set;")
    noise: NonNegativeFloat = Field(
        default=0, description="plus so often p · (1 − p) / examples of each class left out;"
    )
    untold: NonNegativeFloat = Field(default=0, description="plus this, by how few of the classes have two examples")

    def accuracy(self, probability: float, ways: int) -> float:
        """Return the accuracy to expect of new examples, from the mean probability of left-out ones' own class.

        It is linear in the probability, as fitted, where that is not small; below, it falls to chance.
        """
        chance = 1 / ways
        if probability >= LINEAR_FROM or chance >= LINEAR_FROM:
            return min(MOST, max(chance, self.slope * probability + self.offset))
        top = self.slope * LINEAR_FROM + self.offset
        return chance + (top - chance) * max(0.0, probability - chance) / (LINEAR_FROM - chance)

    def deviation(self, accuracy: float, signs: Signs) -> float:
        """Return the standard deviation of what comes around the expected accuracy."""
        of_probability, of_classes = parts_of_variance(accuracy, signs)
        return float((self.spread + self.noise * of_probability + self.untold * of_classes) ** 0.5)


@dataclass(frozen=True)
class Expectation:
    """The accuracy to expect of new examples, as many of each class, and a range that holds what comes in 90 of 100."""

    accuracy: float
    low: float
    high: float
    of_classes: Sequence[float | None]
    """Of each class's own; None for one of a single example."""
    signs: Signs
    curve: Sequence[tuple[int, float]] = ()
    """Examples a class, and the share of those left out that heads made of so few get right, before the steps."""
    hotter: float = 1.0
    """How much hotter than usual the model's scores have to be."""
    operating_points: Sequence[OperatingPoint] = ()
    """What is answered, and right, from which score on; empty where scores aren't calibrated."""

    @property
    def doubtful(self) -> list[Doubt]:
        """Examples that may have a wrong label."""
        return doubtful(self.signs)


def expect(
    spec: AccuracySpec | None,
    head: Head,
    features: Tensor,
    labels: Tensor,
    ways: int,
    signs: Signs | None = None,
    groups: Tensor | None = None,
    usual: float | None = None,
) -> Expectation | None:
    """Return what to expect of a model of features [S, F] with labels [S], as they are before the inner steps.

    `signs` is what cross-validation says of them, where it is known already, `groups` [S] are near copies, and `usual`
    is the temperature of left-out examples of all tasks, if their scores were calibrated. None where it can't tell.
    """
    if spec is None:
        return None
    signs = signs or cross_validate(head, features, labels, ways, groups)
    if signs is None:
        return None
    hotter = ratio(signs, usual)
    accuracy = spec.accuracy(signs.probability, ways)
    reach = NINETY_PERCENT * spec.deviation(accuracy, signs)
    return Expectation(
        accuracy=accuracy,
        low=max(0.0, accuracy - reach),
        high=min(1.0, accuracy + reach),
        of_classes=_of_classes(spec, accuracy, signs),
        signs=signs,
        curve=learning_curve(head, features, labels, ways) if groups is None or not copies(groups) else (),
        hotter=hotter,
        operating_points=operating_points(signs, hotter * usual) if usual else (),
    )


def parts_of_variance(accuracy: float, signs: Signs) -> tuple[float, float]:
    """Return what the variance of an estimate from few examples, and from few of the classes, is proportional to."""
    told = signs.examples[signs.examples > 0]
    classes, ways = len(told), len(signs.examples)
    few = float((1 / told).sum()) / classes**2
    return accuracy * (1 - accuracy) * few, 1 / classes - 1 / ways


def _of_classes(spec: AccuracySpec, accuracy: float, signs: Signs) -> list[float | None]:
    """Return what to expect of each class's new examples: between the accuracy of all and what its own tell."""
    weights = signs.examples / (signs.examples + EVERY)
    own = accuracy + weights * spec.slope * (signs.probabilities - signs.probability)
    found = own.clamp(0, MOST).tolist()
    return [None if untold else each for each, untold in zip(found, torch.isnan(signs.probabilities), strict=True)]
