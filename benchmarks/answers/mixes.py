"""Queries that are classified together beside the same ones alone: 5-way, 75 of them, in uneven mixes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from benchmarks.photo_accuracy.results import Estimate, estimate, mean
from meta_training.calibration.episodes import Episode, draw, fitting
from meta_training.data.episodes import generator
from meta_training.data.image_classes import ImageClasses
from models.learner import Learner

SETTINGS = ((1,) * 5, (5,) * 5)
QUERIES = 75
UNEVENNESS = 2.0
"""Of the symmetric Dirichlet distribution that the classes' shares are drawn from (Veilleux et al. 2021)."""


@dataclass(frozen=True)
class Mix:
    """Accuracy by episode of one setting of a set, together and alone, and the mean score together."""

    data: str
    shots: tuple[int, ...]
    together: NDArray[np.float64]
    alone: NDArray[np.float64]
    score: float

    @property
    def gain(self) -> Estimate:
        """What the other queries give."""
        return estimate(self.together - self.alone)


def compare(learner: Learner, sets: Mapping[str, ImageClasses], episodes: int, seed: int) -> Iterator[Mix]:
    """Yield each setting of each set that has classes enough for it."""
    todo = [(name, shots) for shots in SETTINGS for name, classes in sets.items() if [*fitting(classes, [shots])]]
    for name, shots in tqdm(todo, desc="mixes", unit="setting", leave=False):
        found = []
        for number in range(episodes):
            rng = generator(seed, number, *shots)
            found.append(_compare(learner, mixed(rng, draw(rng, sets[name], shots, QUERIES))))
        together, alone, scores = np.array(found).T
        yield Mix(name, shots, together, alone, float(scores.mean()))


def mixed(rng: Generator, episode: Episode) -> Episode:
    """The same with QUERIES queries or as many as there are, of the classes in shares drawn at random."""
    shares = rng.dirichlet([UNEVENNESS] * episode.ways)
    wanted = rng.multinomial(QUERIES, shares)
    answers = episode.answers.numpy()
    kept = np.concatenate([np.flatnonzero(answers == label)[:count] for label, count in enumerate(wanted)])
    return replace(episode, queries=episode.queries[kept], answers=episode.answers[kept])


def _compare(learner: Learner, episode: Episode) -> tuple[float, float, float]:
    """Accuracy together, alone, and the mean of the highest scores together."""
    (made,) = learner.adapt([episode.support(learner)])
    queries = learner.encode(episode.queries)
    together, alone = (learner.predict([made.adapted], [queries], way)[0].probabilities for way in (True, False))
    return _right(together, episode.answers), _right(alone, episode.answers), float(together.amax(dim=1).mean())


def _right(probabilities: Tensor, answers: Tensor) -> float:
    return float((probabilities.argmax(dim=1).cpu() == answers).to(torch.float64).mean())


def report(found: list[Mix]) -> Iterator[str]:
    """A row for each setting and set, and the settings' means."""
    yield "| set | images of each class | alone | together | gain | mean score together |\n|---|---|---|---|---|---|"
    for shots in dict.fromkeys(each.shots for each in found):
        rows = [each for each in found if each.shots == shots]
        for row in rows:
            yield _row(row.data, shots, estimate(row.alone), estimate(row.together), row.gain, row.score)
        alone, together, gain = (
            mean(column)
            for column in zip(*((estimate(row.alone), estimate(row.together), row.gain) for row in rows), strict=True)
        )
        score = sum(row.score for row in rows) / len(rows)
        yield _row(f"**mean of {len(rows)} sets**", shots, alone, together, gain, score)


def _row(name: str, shots: tuple[int, ...], alone: Estimate, together: Estimate, gain: Estimate, score: float) -> str:
    return f"| {name} | {shots[0]} | {alone} | {together} | {gain.signed} | {score:.1%} |"
