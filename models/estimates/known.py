"""Whether an example is one of a model's classes: what is kept with the model for that, and what it says."""

from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor

from models.estimates.calibration import Calibration
from models.estimates.familiarity import LEVEL, MEANS, START_MEANS, Classes, familiarity, nearest
from models.parameters import Parameters, unstack
from models.tasks import FeatureSet


class Looks(NamedTuple):
    """How familiar examples look [Q], and whether that is enough to be one of the classes [Q]; None if it can't say."""

    familiarity: Tensor | None = None
    known: Tensor | None = None


UNTOLD = Looks()


def kept(calibration: Calibration | None, sets: Sequence[FeatureSet], names: Sequence[str]) -> list[Parameters]:
    """Return what to keep with a model of each support set, for `looks`.

    Each set's name says of which features it is: MEANS of the model's own, or START_MEANS of those before its steps. Of
    near copies the mean counts: among themselves they are more familiar than any new example will be.
    """
    if calibration is None or calibration.known is None:
        return [{} for _ in sets]
    classes = Classes.of(sets)
    own = unstack({MEANS: classes.vectors(), LEVEL: classes.level(calibration.known)})
    return [
        {name: tensors[MEANS][: each.ways], LEVEL: tensors[LEVEL]}
        for name, each, tensors in zip(names, sets, own, strict=True)
    ]


def looks(calibration: Calibration | None, model: Parameters, features: Tensor, start: Tensor | None) -> Looks:
    """Return how familiar a model finds features [Q, F]; `start` are those before its steps, if it has START_MEANS."""
    if LEVEL in model and calibration and calibration.known:
        found = familiarity(features, model[MEANS]) if start is None else familiarity(start, model[START_MEANS])
        return Looks(found, found >= calibration.known.least(model[LEVEL]))
    if MEANS in model and calibration and calibration.familiar is not None:
        found = nearest(features, model[MEANS])
        return Looks(found, found >= calibration.familiar)
    return UNTOLD
