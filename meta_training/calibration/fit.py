"""A checkpoint's calibration, from what it said of episodes and what was true."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from meta_training.calibration.observations import Observation
from meta_training.errors import DataError
from models.estimates.calibration import Calibration
from models.estimates.expectation import AccuracySpec, parts_of_variance
from models.estimates.familiarity import KnownSpec
from models.estimates.label_sets import LabelSetSpec, likelier
from models.estimates.temperature import CANDIDATES, losses, ratio

REFUSED = 0.08
"""Share of the classes' own new images that `known` is false for."""
TEMPERATURES = torch.logspace(-1.5, 1, 101)
COVERAGES = (0.7, 0.8, 0.85, 0.9, 0.95, 0.975, 0.99)
LEAST_SPREAD = 1e-4
"""Variance of a share right that nobody can do without: a point to either side."""
STRICTNESSES = np.linspace(0.5, 3, 251)


def fit(observations: Sequence[Observation], plain: Calibration, familiar: float | None = None) -> Calibration:
    """Return the calibration under which answers meant what they say, over all episodes alike.

    `plain` is what the learner answered under, whose `known` came of single images (see `fit_singles`); `familiar` is
    for models of earlier builds. Raises DataError where no class had several images.
    """
    told = [each for each in observations if each.signs]
    if not told:
        raise DataError("Calibrating needs episodes with several images of a class. Add images.")
    several = [each for each in told if min(each.shots) > 1]
    left_out = _held_out_temperature(told)
    hotter = [ratio(each.signs, left_out) for each in observations]
    temperature = _temperature(observations, hotter)
    return Calibration(
        temperature=temperature,
        held_out_temperature=left_out,
        label_sets=_label_sets(observations, [temperature * each for each in hotter]),
        accuracy=_accuracy(told),
        known=plain.known and plain.known.model_copy(update={"strictness": _strictness(several)}),
        near_copy=plain.near_copy,
        familiar=familiar,
    )


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


def _temperature(observations: Sequence[Observation], hotter: Sequence[float]) -> float:
    """Return the temperature of least cross-entropy (Guo et al. 2017), where models need so much more of it."""
    total = torch.zeros(len(TEMPERATURES))
    for each, more in zip(observations, hotter, strict=True):
        scores = (each.logits / (more * TEMPERATURES[:, None, None])).log_softmax(dim=2)
        total -= scores[:, torch.arange(len(each.answers)), each.answers].mean(dim=1)
    return round(float(TEMPERATURES[total.argmin()]), 3)


def _held_out_temperature(observations: Sequence[Observation]) -> float:
    """Return the temperature of least cross-entropy of the examples that were left out."""
    total = sum((losses(each.signs).mean(dim=1) for each in observations if each.signs), torch.zeros(len(CANDIDATES)))
    return round(float(CANDIDATES[total.argmin()]), 3)


def _label_sets(observations: Sequence[Observation], temperatures: Sequence[float]) -> LabelSetSpec:
    """Return the levels at which so many of the sets hold the right label."""
    needed = [
        likelier((each.logits / temperature).softmax(dim=1)).gather(1, each.answers[:, None])
        for each, temperature in zip(observations, temperatures, strict=True)
    ]
    levels = torch.cat(needed).double().quantile(torch.tensor(COVERAGES).double())
    return LabelSetSpec(coverages=COVERAGES, levels=tuple(round(level, 4) for level in levels.tolist()))


def _accuracy(observations: Sequence[Observation]) -> AccuracySpec:
    """Fit expected accuracy by least squares, then the variance of what comes around it, less that of few queries."""
    signs = [each.signs for each in observations if each.signs]
    probabilities = np.array([each.probability for each in signs])
    accuracies = np.array([float(each.accuracies.mean()) for each in observations])
    line = np.stack([probabilities, np.ones_like(probabilities)], axis=1)
    slope, offset = np.linalg.lstsq(line, accuracies, rcond=None)[0].tolist()
    spec = AccuracySpec(slope=round(slope, 3), offset=round(offset, 3))
    expected = [spec.accuracy(each.probability, len(each.examples)) for each in signs]
    left = (accuracies - np.array(expected)) ** 2 - [query_variance(each) for each in observations]
    parts = np.array([(1.0, *parts_of_variance(*pair)) for pair in zip(expected, signs, strict=True)])
    spread, noise, untold = _non_negative(parts, left)
    return spec.model_copy(update={"spread": max(spread, LEAST_SPREAD), "noise": noise, "untold": untold})


def query_variance(observation: Observation) -> float:
    """Return the variance of an episode's accuracy that comes of asking about so few images."""
    right = observation.accuracies
    asked = torch.bincount(observation.answers, minlength=len(right))
    return float((right * (1 - right) / asked).sum()) / len(right) ** 2


def _non_negative(parts: NDArray[np.float64], wanted: NDArray[np.float64]) -> list[float]:
    """Solve least squares with factors of 0 or more, by leaving out those that would be negative."""
    used = list(range(parts.shape[1]))
    while True:
        found = np.linalg.lstsq(parts[:, used], wanted, rcond=None)[0]
        if (found >= 0).all() or len(used) == 1:
            break
        used.remove(used[int(found.argmin())])
    factors = np.zeros(parts.shape[1])
    factors[used] = found.clip(0)
    return [round(float(each), 5) for each in factors]


def _strictness(observations: Sequence[Observation]) -> float:
    """Return how many standard deviations below the mean REFUSED of the classes' own new images lie."""
    refused = [
        np.mean([float((each.familiarity < each.level[0] - z * each.level[1]).float().mean()) for each in observations])
        for z in STRICTNESSES.tolist()
    ]
    return round(float(STRICTNESSES[int(np.abs(np.array(refused) - REFUSED).argmin())]), 2)
