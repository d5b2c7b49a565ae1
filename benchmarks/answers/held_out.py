"""Scores, expected accuracy and `known`, on each set under a calibration that was fitted to the others."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from meta_training.calibration.accuracy_fit import query_variance
from meta_training.calibration.fit import COVERAGES, fit, levels_of, probabilities
from meta_training.calibration.observations import Observation
from models.estimates.calibration import Calibration
from models.estimates.cross_validation import Signs
from models.estimates.expected.accuracy import NINETY_PERCENT
from models.estimates.label_sets import LabelSetSpec, label_sets

BINS = 15
MEAN_OF_NORMAL = (2 / np.pi) ** 0.5
"""Mean size of a normal deviate, in standard deviations."""
MOST_REFUSED = 0.2
COVERAGE = 0.9
IMAGES = (1, 2, 3, 5, 9)
"""Of the rarest class, where the table by these begins a new row."""


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
    plainly_covered: float
    """How often they would, if one level were for all models."""
    plain_labels: float
    """Mean number of labels in them then."""


@dataclass(frozen=True)
class Told:
    """What was expected of an episode, and what came."""

    images: int
    """Different ones of the class that has fewest."""
    burst: bool
    """Whether there are further frames of some."""
    error: float
    """Expected accuracy − share right."""
    reach: float
    """Half the width of the range."""
    noise: float
    """Standard error of the share right, as so few images were asked about."""


def held_out(
    observations: Sequence[Observation], five: Sequence[Observation], plain: Calibration, own: Calibration | None
) -> Iterator[tuple[Row, list[Told]]]:
    """Yield each set's row, from answers under `plain`, and what was expected of its episodes.

    It is held against a calibration fitted to the others, without bursts as `kshot checkpoint calibrate` does, or the
    checkpoint's `own` where there is no other set. `five` are episodes of five classes with five images each.
    """
    for name in dict.fromkeys(each.data for each in observations):
        others = [each for each in observations if each.data != name and each.shots == each.different]
        calibration = fit(others, plain) if others else own
        if calibration:
            plainly = _one_level(others or observations, calibration)
            mine = [each for each in observations if each.data == name]
            told = [_told(each, each.signs, calibration) for each in mine if each.signs]
            asked = [each for each in five if each.data == name]
            yield _row(name, mine, told, asked, calibration, plainly), told


def untold(observations: Sequence[Observation]) -> float:
    """The share of episodes with two images of some class of which nothing is expected."""
    several = [each for each in observations if max(each.different) > 1]
    return float(np.mean([each.signs is None for each in several]))


def _row(
    name: str,
    observations: Sequence[Observation],
    told: Sequence[Told],
    five: Sequence[Observation],
    calibration: Calibration,
    plainly: Calibration,
) -> Row:
    refused = _refused(five, calibration)
    covered, labels = _label_sets(observations, calibration)
    plainly_covered, plain_labels = _label_sets(observations, plainly)
    return Row(
        data=name,
        score_error=calibration_error(observations, calibration),
        accuracy_error=mean_error(told),
        held=held(told),
        width=2 * float(np.mean([each.reach for each in told])),
        refused=float(refused.mean()) if len(refused) else float("nan"),
        in_range=float((refused <= MOST_REFUSED).mean()) if len(refused) else float("nan"),
        covered=covered,
        labels=labels,
        plainly_covered=plainly_covered,
        plain_labels=plain_labels,
    )


def _one_level(observations: Sequence[Observation], calibration: Calibration) -> Calibration:
    """Return the calibration with levels for all models alike."""
    spec = LabelSetSpec(coverages=COVERAGES, untold=levels_of(observations, calibration))
    return calibration.model_copy(update={"label_sets": spec})


def mean_error(told: Sequence[Told]) -> float:
    """Mean size of the error of a normal deviate with the variance that is left when the queries' noise is off."""
    if not told:
        return float("nan")
    squared = float(np.mean([each.error**2 - each.noise**2 for each in told]))
    return MEAN_OF_NORMAL * max(0.0, squared) ** 0.5


def held(told: Sequence[Told]) -> float:
    """How often a range, widened by the noise of the queries, holds the share right."""
    return float(np.mean([abs(each.error) <= np.hypot(each.reach, NINETY_PERCENT * each.noise) for each in told]))


def _told(observation: Observation, signs: Signs, calibration: Calibration) -> Told:
    (expected,) = calibration.accuracy.expect([signs])
    reach = NINETY_PERCENT * expected.deviation
    low, high = max(0.0, expected.accuracy - reach), min(1.0, expected.accuracy + reach)
    return Told(
        images=min(observation.different),
        burst=observation.shots != observation.different,
        error=expected.accuracy - float(observation.accuracies.mean()),
        reach=(high - low) / 2,
        noise=query_variance(observation) ** 0.5,
    )


def _refused(observations: Sequence[Observation], calibration: Calibration) -> NDArray[np.float64]:
    spec = calibration.known
    if spec is None:
        return np.empty(0)
    return np.array([float((each.familiarity < spec.least(each.level)).float().mean()) for each in observations])


def calibration_error(observations: Sequence[Observation], calibration: Calibration) -> float:
    """Expected calibration error: |score − share right| over bins of scores, weighed by size (Guo et al. 2017)."""
    best = [probabilities(each, calibration).max(dim=1) for each in observations]
    sure = torch.cat([each.values for each in best]).numpy()
    right = torch.cat([one.indices == each.answers for one, each in zip(best, observations, strict=True)]).numpy()
    bins = np.minimum((sure * BINS).astype(int), BINS - 1)
    return float(sum(abs(sure[bins == one].sum() - right[bins == one].sum()) for one in np.unique(bins)) / len(sure))


def _label_sets(observations: Sequence[Observation], calibration: Calibration) -> tuple[float, float]:
    """How often sets of labels for COVERAGE hold the right one, and their mean size."""
    if calibration.label_sets is None:
        return float("nan"), float("nan")
    sets = [_sets(each, calibration, calibration.label_sets) for each in observations]
    held = [one.gather(1, each.answers[:, None]).float() for one, each in zip(sets, observations, strict=True)]
    return float(torch.cat(held).mean()), float(torch.cat([one.sum(dim=1) for one in sets]).float().mean())


def _sets(observation: Observation, calibration: Calibration, spec: LabelSetSpec) -> Tensor:
    told = calibration.accuracy.expect([observation.signs]) if observation.signs else []
    level = spec.level(COVERAGE, told[0].accuracy if told else None)
    return label_sets(probabilities(observation, calibration), level)


def report(found: Sequence[Row]) -> Iterator[str]:
    """A row for each set, and their mean."""
    yield (
        "| set | scores off | accuracy off | range holds | range's width | refused | models that refuse ≤ 20 % "
        f"| sets for {COVERAGE:.0%} hold | labels in them | with one level for all |\n"
        "|---|---|---|---|---|---|---|---|---|---|"
    )
    columns = ("score_error", "accuracy_error", "held", "width", "refused", "in_range", "covered")
    for each in found:
        shares = " | ".join(_percent(getattr(each, name)) for name in columns)
        plainly = f"{_percent(each.plainly_covered)}, {each.plain_labels:.1f}"
        yield f"| {each.data} | {shares} | {each.labels:.1f} | {plainly} |"
    if len(found) > 1:
        means = [float(np.nanmean([getattr(each, name) for each in found])) for name in columns]
        labels, covered, plainly = np.mean([(e.labels, e.plainly_covered, e.plain_labels) for e in found], axis=0)
        rest = f" | {labels:.1f} | {_percent(covered)}, {plainly:.1f} |"
        yield "| **mean** | " + " | ".join(map(_percent, means)) + rest


def by_images(told: Sequence[Told]) -> Iterator[str]:
    """A row for each number of images of the class that has fewest, and one for episodes with bursts."""
    groups = dict[str, list[Told]]()
    for low, high in zip(IMAGES, (*IMAGES[1:], None), strict=True):
        named = f"{low}" if high == low + 1 else f"{low} to {high - 1}" if high else f"{low} and more"
        own = (each for each in told if each.images >= low and (high is None or each.images < high))
        groups[named] = [each for each in own if not each.burst]
    groups["with bursts"] = [each for each in told if each.burst]
    yield "| images of the rarest class | episodes | accuracy off | range holds | its width |\n|---|---|---|---|---|"
    for named, some in groups.items():
        if some:
            width = 2 * float(np.mean([each.reach for each in some]))
            yield (
                f"| {named} | {len(some)} | " + " | ".join(map(_percent, (mean_error(some), held(some), width))) + " |"
            )


def _percent(share: float) -> str:
    return "–" if np.isnan(share) else f"{100 * share:.1f} %"
