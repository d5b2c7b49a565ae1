"""Uneven support sets beside even ones with as many images of each class as the rarest has, of the same classes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from benchmarks.photo_accuracy.results import Estimate, estimate, mean
from meta_training.calibration.episodes import Episode, draw, fitting
from meta_training.data.episodes import generator
from meta_training.data.image_classes import ImageClasses
from models.learner import Learner

QUERIES = 15
TAIL = (8, 6, 5, 4, 3, 3, 2, 2, 2, 2)
SETTINGS = (
    (4, 1, 1, 1, 1),
    (8, 1, 1, 1, 1),
    (8, 2, 2, 2, 2),
    (8, 5, 3, 2, 1),
    (*TAIL[:5], *(1,) * 5),
    (*TAIL, *(1,) * 10),
    (*TAIL, *(2,) * 10, *(1,) * 30),
)


@dataclass(frozen=True)
class Balance:
    """Mean accuracy over classes of one setting of a set, uneven and even, by episode."""

    data: str
    shots: tuple[int, ...]
    uneven: NDArray[np.float64]
    even: NDArray[np.float64]

    @property
    def gain(self) -> Estimate:
        """What the further images give."""
        return estimate(self.uneven - self.even)


def compare(learner: Learner, sets: Mapping[str, ImageClasses], episodes: int, seed: int) -> Iterator[Balance]:
    """Yield each setting of each set that has classes enough for it."""
    todo = [(name, shots) for shots in SETTINGS for name, classes in sets.items() if [*fitting(classes, [shots])]]
    for name, shots in tqdm(todo, desc="balance", unit="setting", leave=False):
        pairs = [
            [accuracy(learner, one) for one in (episode, thinned(episode))]
            for episode in (
                draw(generator(seed, number, *shots), sets[name], shots, QUERIES) for number in range(episodes)
            )
        ]
        uneven, even = np.array(pairs).T
        yield Balance(name, shots, uneven, even)


def thinned(episode: Episode) -> Episode:
    """The same with no more images of a class than the rarest has."""
    least, labels = min(episode.shots), episode.labels.numpy()
    first = np.concatenate([np.flatnonzero(labels == label)[:least] for label in range(episode.ways)])
    return replace(episode, images=episode.images[first], labels=episode.labels[first], shots=(least,) * episode.ways)


def accuracy(learner: Learner, episode: Episode) -> float:
    """Mean share of each class's queries that are right."""
    (made,) = learner.adapt([episode.support(learner)])
    (said,) = learner.predict([made.adapted], [learner.encode(episode.queries)])
    right = (said.probabilities.argmax(dim=1) == episode.answers).double()
    return float(np.mean([float(right[episode.answers == label].mean()) for label in range(episode.ways)]))


def report(found: list[Balance]) -> Iterator[str]:
    """A row for each setting: means over sets, and the worst set."""
    yield "| images of each class | sets | uneven | even, as the rarest | gain | worst set |\n|---|---|---|---|---|---|"
    for shots in dict.fromkeys(each.shots for each in found):
        rows = [each for each in found if each.shots == shots]
        worst = min(rows, key=lambda each: each.gain.mean)
        means = [
            mean([estimate(values) for values in column])
            for column in zip(*((r.uneven, r.even) for r in rows), strict=True)
        ]
        gain = mean([each.gain for each in rows]).signed
        yield f"| {_named(shots)} | {len(rows)} | {means[0]} | {means[1]} | {gain} | {worst.data} {worst.gain.signed} |"


def _named(shots: tuple[int, ...]) -> str:
    """As 8 : 2 : 1 × 3."""
    runs = [(count, shots.count(count)) for count in dict.fromkeys(shots)]
    return " : ".join(f"{count} × {times}" if times > 1 else str(count) for count, times in runs)
