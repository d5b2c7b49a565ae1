"""What a support set says of the accuracy to come."""

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat

from models.estimates.cross_validation import Signs, cross_validate
from models.estimates.doubtful import Doubt, doubtful
from models.estimates.learning_curve import Curve, learning_curves
from models.estimates.near_copies import copies
from models.estimates.operating_points import OperatingPoint, operating_points
from models.estimates.temperature import ratio
from models.heads.interface import Head
from models.tasks import FeatureSet

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
    curve: Curve = ()
    """Of heads before the steps."""
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
    sets: Sequence[FeatureSet],
    signs: Sequence[Signs | None],
    usual: float | None = None,
) -> list[Expectation | None]:
    """Return what to expect of models of support sets whose features are as before the inner steps.

    `signs` is what cross-validation says of each, None where that isn't known yet; `usual` is the temperature of
    left-out examples of all tasks, if their scores were calibrated. None where it can't tell.
    """
    if spec is None:
        return [None] * len(sets)
    validated = iter(cross_validate(head, [each for each, told in zip(sets, signs, strict=True) if told is None]))
    known = [told or next(validated) for told in signs]
    asked = [bool(told and not copies(each.groups)) for each, told in zip(sets, known, strict=True)]
    curves = iter(learning_curves(head, [each for each, able in zip(sets, asked, strict=True) if able]))
    drawn = [next(curves) if able else () for able in asked]
    return [
        None if told is None else _expectation(spec, told, curve, usual)
        for told, curve in zip(known, drawn, strict=True)
    ]


def _expectation(spec: AccuracySpec, signs: Signs, curve: Curve, usual: float | None) -> Expectation:
    hotter = ratio(signs, usual)
    accuracy = spec.accuracy(signs.probability, len(signs.examples))
    reach = NINETY_PERCENT * spec.deviation(accuracy, signs)
    return Expectation(
        accuracy=accuracy,
        low=max(0.0, accuracy - reach),
        high=min(1.0, accuracy + reach),
        of_classes=_of_classes(spec, accuracy, signs),
        signs=signs,
        curve=curve,
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
    return [None if untold else each for each, untold in zip(found, signs.probabilities.isnan().tolist(), strict=True)]
