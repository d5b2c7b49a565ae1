"""What a support set says of the accuracy to come."""

from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor

from models.estimates.calibration import Calibration
from models.estimates.cross_validation import held_out_probability
from models.estimates.learning_curve import learning_curve
from models.heads.interface import Head


class Expectation(NamedTuple):
    """The accuracy to expect of new examples, None where it can't be told, and the learning curve."""

    accuracy: float | None = None
    curve: Sequence[tuple[int, float]] = ()


NOTHING = Expectation()


def expect(
    calibration: Calibration | None,
    head: Head,
    features: Tensor,
    labels: Tensor,
    ways: int,
    held_out: float | None = None,
) -> Expectation:
    """Return what to expect of a model of features [S, F] with labels [S], as they are before the inner steps.

    `held_out` is their held-out probability, where it is known already.
    """
    if calibration is None:
        return NOTHING
    held_out = held_out or held_out_probability(head, features, labels, ways)
    if held_out is None:
        return NOTHING
    return Expectation(calibration.expected_accuracy(held_out, ways), learning_curve(head, features, labels, ways))
