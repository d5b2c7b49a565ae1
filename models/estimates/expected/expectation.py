"""What a support set says of the accuracy to come."""

from collections.abc import Sequence
from dataclasses import dataclass

from models.estimates.cross_validation import Signs, cross_validate
from models.estimates.expected.accuracy import NINETY_PERCENT, AccuracySpec, Expected
from models.estimates.expected.doubtful import Doubt, doubtful
from models.estimates.expected.learning_curve import Curve, learning_curves
from models.estimates.expected.operating_points import OperatingPoint, operating_points
from models.estimates.near_copies import copies
from models.estimates.temperature import ratio
from models.heads.interface import Head
from models.tasks import FeatureSet


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
    following = iter(spec.expect([told for told in known if told]))
    return [
        None if told is None else _expectation(told, next(following), curve, usual)
        for told, curve in zip(known, drawn, strict=True)
    ]


def _expectation(signs: Signs, expected: Expected, curve: Curve, usual: float | None) -> Expectation:
    hotter = ratio(signs, usual)
    accuracy, reach = expected.accuracy, NINETY_PERCENT * expected.deviation
    told = (signs.shots > 1).tolist()
    return Expectation(
        accuracy=accuracy,
        low=max(0.0, accuracy - reach),
        high=min(1.0, accuracy + reach),
        of_classes=[each if known else None for each, known in zip(expected.of_classes, told, strict=True)],
        signs=signs,
        curve=curve,
        hotter=hotter,
        operating_points=operating_points(signs, hotter * usual) if usual else (),
    )
