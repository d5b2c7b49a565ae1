"""Whether an example is one of a model's classes: what is kept with the model for that, and what it says."""

from typing import NamedTuple

from torch import Tensor

from models.estimates.calibration import Calibration
from models.estimates.familiarity import LEVEL, MEANS, START_MEANS, Classes, familiarity, nearest
from models.estimates.near_copies import one_of_each
from models.parameters import Parameters


class Looks(NamedTuple):
    """How familiar examples look [Q], and whether that is enough to be one of the classes [Q]; None if it can't say."""

    familiarity: Tensor | None = None
    known: Tensor | None = None


UNTOLD = Looks()


def kept(
    calibration: Calibration | None, features: Tensor, start: Tensor | None, labels: Tensor, groups: Tensor, ways: int
) -> Parameters:
    """Return what to keep with a model of a support set, for `looks`.

    features [S, F] are its own, `start` those before its steps, where there were any; labels [S]. Of near copies, a
    group [S], the mean counts: among themselves they are more familiar than any new example will be.
    """
    if calibration is None or calibration.known is None:
        return {}
    classes = Classes.of(*one_of_each(features if start is None else start, labels, groups), ways)
    name = MEANS if start is None else START_MEANS
    return {name: classes.vectors(), LEVEL: classes.level(calibration.known)}


def looks(calibration: Calibration | None, model: Parameters, features: Tensor, start: Tensor | None) -> Looks:
    """Return how familiar a model finds features [Q, F]; `start` are those before its steps, if it has START_MEANS."""
    if LEVEL in model and calibration and calibration.known:
        found = familiarity(features, model[MEANS]) if start is None else familiarity(start, model[START_MEANS])
        return Looks(found, found >= calibration.known.least(model[LEVEL]))
    if MEANS in model and calibration and calibration.familiar is not None:
        found = nearest(features, model[MEANS])
        return Looks(found, found >= calibration.familiar)
    return UNTOLD
