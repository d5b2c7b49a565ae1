"""Uneven support sets beside even ones with as many images of each class as the rarest has, of the same classes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from benchmarks.journal import Journal
from benchmarks.photo_accuracy.results import Estimate, estimate, mean
from meta_training.calibration.episodes import Episode, draw, fitting
from meta_training.data.episodes import generator
from meta_training.data.image_classes import ImageClasses
from models.initializations.adapted import Answers
from models.learner import Learner

QUERIES = 15
AT_ONCE = 4  # episodes
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


def compare(
    learner: Learner, sets: Mapping[str, ImageClasses], episodes: int, seed: int, journal: Journal
) -> Iterator[Balance]:
    """Yield each setting of each set that has classes enough for it, as the journal has it or as it is found now."""
    todo = [(name, shots) for shots in SETTINGS for name, classes in sets.items() if [*fitting(classes, [shots])]]
    for name, shots in tqdm(todo, desc="balance", unit="setting", leave=False):
        key = {"data": name, "images": list(shots), "count": episodes}
        row = journal.find(key) or journal.write(key, _accuracies(learner, sets[name], shots, episodes, seed))
        yield Balance(name, shots, np.array(row["uneven"]), np.array(row["even"]))


def _accuracies(
    learner: Learner, classes: ImageClasses, shots: tuple[int, ...], episodes: int, seed: int
) -> dict[str, list[float]]:
    """Mean accuracy over classes by episode, uneven and even; both of an episode are adapted to together."""
    found: list[float] = []
    for first in range(0, episodes, AT_ONCE):
        numbers = range(first, min(first + AT_ONCE, episodes))
        drawn = [draw(generator(seed, number, *shots), classes, shots, QUERIES) for number in numbers]
        found += accuracies(learner, [each for uneven in drawn for each in (uneven, thinned(uneven))])
    return {"uneven": found[::2], "even": found[1::2]}


def thinned(episode: Episode) -> Episode:
    """The same with no more images of a class than the rarest has."""
    least, labels = min(episode.shots), episode.labels.numpy()
    first = np.concatenate([np.flatnonzero(labels == label)[:least] for label in range(episode.ways)])
    return replace(
        episode,
        images=episode.images[first],
        labels=episode.labels[first],
        shots=(least,) * episode.ways,
        different=(least,) * episode.ways,
    )


def accuracies(learner: Learner, episodes: Sequence[Episode]) -> list[float]:
    """Mean share of each class's queries that are right, of each episode."""
    made = learner.adapt([episode.support(learner) for episode in episodes])
    queries = [learner.encode(episode.queries) for episode in episodes]
    said = learner.predict([each.adapted for each in made], queries)
    return [_mean_over_classes(each, episode) for each, episode in zip(said, episodes, strict=True)]


def _mean_over_classes(said: Answers, episode: Episode) -> float:
    right = (said.probabilities.argmax(dim=1).cpu() == episode.answers).double()
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
