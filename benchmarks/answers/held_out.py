"""Scores, expected accuracy and `known`, on each set under a calibration that was fitted to the others."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from meta_training.calibration.fit import fit, query_variance
from meta_training.calibration.observations import Observation
from models.estimates.calibration import Calibration
from models.estimates.expectation import NINETY_PERCENT
from models.estimates.label_sets import label_sets
from models.estimates.temperature import ratio

BINS = 15
MEAN_OF_NORMAL = (2 / np.pi) ** 0.5
"""Mean size of a normal deviate, in standard deviations."""
MOST_REFUSED = 0.2
COVERAGE = 0.9


@dataclass(frozen=True)
class Row:
    """What a set's episodes gave; shares from 0 to 1."""

    data: str
    score_error: float
    """Expected calibration error."""
    accuracy_error: float
    """Mean size of expected accuracy − share right, the noise of asking about so few images taken off."""
    held: float
    """How often the 90 % range holds the share right."""
    width: float
    refused: float
    """Of the classes' own images, in 5-way 5-shot episodes; nan where there are none."""
    in_range: float
    """How many of these models refuse 0 to 20 %."""
    covered: float
    """How often the sets of labels for COVERAGE hold the right one."""
    labels: float
    """Mean number of labels in them."""


def rows(observations: Sequence[Observation], plain: Calibration, own: Calibration | None) -> Iterator[Row]:
    """Yield each set's row, from answers under `plain`.

    It is held against a calibration fitted to the others, or the checkpoint's `own` where there is no other set.
    """
    names = list(dict.fromkeys(each.data for each in observations))
    for name in names:
        others = [each for each in observations if each.data != name]
        calibration = fit(others, plain) if others else own
        if calibration:
            yield _row(name, [each for each in observations if each.data == name], calibration)


def untold(observations: Sequence[Observation]) -> float:
    """The share of episodes with two images of some class of which nothing is expected."""
    several = [each for each in observations if max(each.shots) > 1]
    return float(np.mean([each.signs is None for each in several]))


def _row(name: str, observations: Sequence[Observation], calibration: Calibration) -> Row:
    told = [_expectation(each, calibration) for each in observations if each.signs]
    error, reach, noise = np.array(told).T
    squared = max(0.0, float((error**2).mean() - (noise**2).mean()))
    refused = _refused(observations, calibration)
    covered, labels = _label_sets(observations, calibration)
    return Row(
        data=name,
        score_error=calibration_error(observations, calibration),
        accuracy_error=MEAN_OF_NORMAL * squared**0.5,
        held=float((np.abs(error) <= np.sqrt(reach**2 + (NINETY_PERCENT * noise) ** 2)).mean()),
        width=float(2 * reach.mean()),
        refused=float(refused.mean()) if len(refused) else float("nan"),
        in_range=float((refused <= MOST_REFUSED).mean()) if len(refused) else float("nan"),
        covered=covered,
        labels=labels,
    )


def _expectation(observation: Observation, calibration: Calibration) -> tuple[float, float, float]:
    """The error of expected accuracy, half the width of its range, and the standard error of the share right."""
    signs = observation.signs
    if signs is None:
        raise ValueError("nothing is expected of this episode")
    expected = calibration.accuracy.accuracy(signs.probability, len(observation.shots))
    reach = NINETY_PERCENT * calibration.accuracy.deviation(expected, signs)
    low, high = max(0.0, expected - reach), min(1.0, expected + reach)
    return expected - float(observation.accuracies.mean()), (high - low) / 2, query_variance(observation) ** 0.5


def _refused(observations: Sequence[Observation], calibration: Calibration) -> NDArray[np.float64]:
    spec = calibration.known
    if spec is None:
        return np.empty(0)
    five = [each for each in observations if each.shots == (5,) * 5]
    return np.array([float((each.familiarity < spec.least(each.level)).float().mean()) for each in five])


def calibration_error(observations: Sequence[Observation], calibration: Calibration) -> float:
    """Expected calibration error: |score − share right| over bins of scores, weighed by size (Guo et al. 2017)."""
    best = [_probabilities(each, calibration).max(dim=1) for each in observations]
    sure = torch.cat([each.values for each in best]).numpy()
    right = torch.cat([one.indices == each.answers for one, each in zip(best, observations, strict=True)]).numpy()
    bins = np.minimum((sure * BINS).astype(int), BINS - 1)
    return float(sum(abs(sure[bins == one].sum() - right[bins == one].sum()) for one in np.unique(bins)) / len(sure))


def _probabilities(observation: Observation, calibration: Calibration) -> Tensor:
    """Scores [Q, N] as the calibration has them."""
    hotter = ratio(observation.signs, calibration.held_out_temperature)
    return (observation.logits / (calibration.temperature * hotter)).softmax(dim=1)


def _label_sets(observations: Sequence[Observation], calibration: Calibration) -> tuple[float, float]:
    """How often sets of labels for COVERAGE hold the right one, and their mean size."""
    if calibration.label_sets is None:
        return float("nan"), float("nan")
    level = calibration.label_sets.level(COVERAGE)
    sets = [label_sets(_probabilities(each, calibration), level) for each in observations]
    held = [one.gather(1, each.answers[:, None]).float() for one, each in zip(sets, observations, strict=True)]
    return float(torch.cat(held).mean()), float(torch.cat([one.sum(dim=1) for one in sets]).float().mean())


def report(found: Sequence[Row]) -> Iterator[str]:
    """A row for each set, and their mean."""
    yield (
        "| set | scores off | accuracy off | range holds | range's width | refused | models that refuse ≤ 20 % "
        f"| sets for {COVERAGE:.0%} hold | labels in them |\n|---|---|---|---|---|---|---|---|---|"
    )
    columns = ("score_error", "accuracy_error", "held", "width", "refused", "in_range", "covered")
    for each in found:
        shares = " | ".join(_percent(getattr(each, name)) for name in columns)
        yield f"| {each.data} | {shares} | {each.labels:.1f} |"
    if len(found) > 1:
        means = [float(np.nanmean([getattr(each, name) for each in found])) for name in columns]
        labels = float(np.mean([each.labels for each in found]))
        yield "| **mean** | " + " | ".join(map(_percent, means)) + f" | {labels:.1f} |"


def _percent(share: float) -> str:
    return "–" if np.isnan(share) else f"{100 * share:.1f} %"
