"""A checkpoint's calibration, from what it said of episodes and what was true."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from meta_training.calibration.accuracy_fit import fit_accuracy
from meta_training.calibration.observations import Observation
from meta_training.errors import DataError
from models.estimates.calibration import Calibration
from models.estimates.familiarity import KnownSpec
from models.estimates.label_sets import LabelSetSpec, likelier
from models.estimates.temperature import CANDIDATES, losses, ratio

REFUSED = 0.08
"""Share of the classes' own new images that `known` is false for."""
TEMPERATURES = torch.logspace(-1.5, 1, 101)
COVERAGES = (0.7, 0.8, 0.85, 0.9, 0.95, 0.975, 0.99)
GROUPS = 5
"""Of episodes, by the accuracy that was expected of them, each with levels of its own for sets of labels."""
STRICTNESSES = np.linspace(0.5, 3, 251)


def fit(observations: Sequence[Observation], plain: Calibration, familiar: float | None = None) -> Calibration:
    """Return the calibration under which answers meant what they say, over all episodes alike.

    `plain` is what the learner answered under, whose `known` came of single images (see `fit_singles`); `familiar` is
    for models of earlier builds. Raises DataError where no class had several images.
    """
    told = [each for each in observations if each.signs]
    if not told:
        raise DataError("Calibrating needs episodes with several images of a class. Add images, or episodes.")
    stepped, unstepped = ([each for each in observations if each.stepped == took] for took in (True, False))
    left_out = _held_out_temperature(told)
    accuracy = fit_accuracy(told)
    calibration = Calibration(
        temperature=_temperature(stepped or unstepped, left_out),
        unstepped_temperature=_temperature(unstepped, left_out) if stepped and unstepped else None,
        held_out_temperature=left_out,
        accuracy=accuracy,
        known=plain.known and plain.known.model_copy(update={"strictness": _strictness(told)}),
        near_copy=plain.near_copy,
        familiar=familiar,
    )
    return calibration.model_copy(update={"label_sets": _label_sets(observations, calibration)})


def fit_singles(observations: Sequence[Observation]) -> KnownSpec:
    """Return what to expect of images of classes that have one each, from episodes of such classes under PLAIN.

    Of these the level that a model is kept with is the familiarity with other classes.
    """
    others = np.array([float(each.level[0]) for each in observations])
    means = np.array([float(each.familiarity.mean()) for each in observations])
    slope, offset = np.linalg.lstsq(np.stack([others, np.ones_like(others)], axis=1), means, rcond=None)[0].tolist()
    expected = slope * others + offset
    left = [each.familiarity.numpy() - mean for each, mean in zip(observations, expected, strict=True)]
    spread = float(np.concatenate(left).std())
    return KnownSpec(strictness=1, offset=round(offset, 3), slope=round(max(0.0, slope), 3), spread=round(spread, 4))


def probabilities(observation: Observation, calibration: Calibration) -> Tensor:
    """Return the scores of an episode's queries [Q, N] as a calibration has them."""
    hotter = ratio(observation.signs, calibration.held_out_temperature)
    return (observation.logits / (calibration.usual_temperature(stepped=observation.stepped) * hotter)).softmax(dim=1)


def _temperature(observations: Sequence[Observation], left_out: float) -> float:
    """Return the temperature of least cross-entropy (Guo et al. 2017), where models need so much more of it."""
    total = torch.zeros(len(TEMPERATURES))
    for each in observations:
        scores = each.logits / (ratio(each.signs, left_out) * TEMPERATURES[:, None, None])
        total -= scores.log_softmax(dim=2)[:, torch.arange(len(each.answers)), each.answers].mean(dim=1)
    return round(float(TEMPERATURES[total.argmin()]), 3)


def _held_out_temperature(observations: Sequence[Observation]) -> float:
    """Return the temperature of least cross-entropy of the examples that were left out."""
    total = sum((losses(each.signs).mean(dim=1) for each in observations if each.signs), torch.zeros(len(CANDIDATES)))
    return round(float(CANDIDATES[total.argmin()]), 3)


def _label_sets(observations: Sequence[Observation], calibration: Calibration) -> LabelSetSpec:
    """Return the levels at which so many of the sets hold the right label, by what accuracy was expected."""
    spec, told = calibration.accuracy, [each for each in observations if each.signs]
    single = [each for each in observations if not each.signs]
    expected = np.array([each.accuracy for each in spec.expect([each.signs for each in told if each.signs])])
    edges = np.unique(np.quantile(expected, np.linspace(0, 1, GROUPS + 1)[1:-1]))
    own = np.searchsorted(edges, expected)
    groups = [np.flatnonzero(own == number) for number in np.unique(own)]
    rows = [levels_of([told[place] for place in group], calibration) for group in groups]
    falling = np.minimum.accumulate(np.array(rows), axis=0)  # where more is expected, sets are no larger
    return LabelSetSpec(
        coverages=COVERAGES,
        untold=levels_of(single or told, calibration),
        accuracies=tuple(round(float(expected[group].mean()), 4) for group in groups),
        levels=tuple(map(tuple, falling.tolist())),
    )


def levels_of(observations: Sequence[Observation], calibration: Calibration) -> tuple[float, ...]:
    """Return what the probabilities of likelier labels come to at most, for each of COVERAGES of the queries."""
    needed = [
        likelier(probabilities(each, calibration)).gather(1, each.answers[:, None]).squeeze(1) for each in observations
    ]
    levels = torch.cat(needed).double().quantile(torch.tensor(COVERAGES).double())
    return tuple(round(level, 4) for level in levels.tolist())


def _strictness(observations: Sequence[Observation]) -> float:
    """Return how many standard deviations below the mean REFUSED of the classes' own new images lie."""
    refused = [
        np.mean([float((each.familiarity < each.level[0] - z * each.level[1]).float().mean()) for each in observations])
        for z in STRICTNESSES.tolist()
    ]
    return round(float(STRICTNESSES[int(np.abs(np.array(refused) - REFUSED).argmin())]), 2)
