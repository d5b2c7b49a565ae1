"""Accuracy over episodes, with its 95 % confidence interval, by the calls that the service makes."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from torch import Tensor
from tqdm import tqdm

from meta_training.data.episodes import Episode, draw_episode, flatten, generator
from meta_training.data.image_classes import ImageClasses
from models.learner import Learner
from models.metadata import CheckpointMetadata
from models.tasks import Support

AT_ONCE = 8  # episodes of one batched call, at most
IMAGES_AT_ONCE = 2000  # support images of one batched call, however large its episodes, for their memory


@dataclass(frozen=True, kw_only=True)
class Setting:
    """N ways, K shots, Q queries a class; k inner steps at a learning rate."""

    ways: int
    shots: int
    queries: int = 1
    steps: int
    learning_rate: float
    transductive: bool = False

    def __str__(self) -> str:
        return f"{self.ways}-way {self.shots}-shot"


@dataclass(frozen=True)
class Score:
    """Mean accuracy over episodes and half the width of its 95 % interval, both between 0 and 1."""

    setting: Setting
    accuracy: float
    interval: float
    episodes: int

    def __str__(self) -> str:
        return f"{100 * self.accuracy:.2f} ± {100 * self.interval:.2f} %"

    def document(self) -> dict[str, Any]:
        """The score as plain JSON values."""
        return {**asdict(self.setting), "accuracy": self.accuracy, "interval": self.interval, "episodes": self.episodes}


def score(setting: Setting, accuracies: Iterable[float]) -> Score:
    """The mean of episode accuracies, with 1.96 standard errors around it."""
    values = np.fromiter(accuracies, dtype=np.float64)
    error = values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else float("nan")
    return Score(setting, float(values.mean()), 1.96 * float(error), len(values))


def standard_settings(metadata: CheckpointMetadata, classes: ImageClasses) -> list[Setting]:
    """The field's settings, 5 and 20 ways by 1 and 5 shots, as far as the head and the classes allow.

    Raises DataError where they allow none.
    """
    inner, fixed = metadata.inner, metadata.head.fixed_ways
    classes.require(fixed or 2, shots=2)  # one to adapt to and one to ask about
    most, least = len(classes), min(len(pictures) for pictures in classes.images)
    return [
        Setting(ways=ways, shots=shots, steps=inner.steps_for(shots, 1), learning_rate=inner.learning_rate)
        for ways in sorted({min(ways, most) for ways in ((fixed,) if fixed else (5, 20))})
        for shots in sorted({min(shots, least - 1) for shots in (1, 5)})
    ]


def evaluate(
    learner: Learner, classes: ImageClasses, setting: Setting, episodes: int, seed: int = 0, *, progress: bool = False
) -> Score:
    """Adapts to `episodes` support sets of `classes` and scores their queries.

    Episode i is the same for every learner and every number of episodes. Raises DataError where the classes are too few
    or too small.
    """
    classes.require(setting.ways, setting.shots + setting.queries)
    accuracies: list[float] = []
    with tqdm(total=episodes, desc=str(setting), unit="episode", disable=not progress, leave=False) as bar:
        for numbers in batches(setting, episodes):
            drawn = [draw_numbered(classes, setting, seed, number) for number in numbers]
            accuracies += _accuracies(learner, setting, drawn)
            bar.update(len(drawn))
    return score(setting, accuracies)


def batches(setting: Setting, episodes: int) -> Iterator[range]:
    """Numbers of the episodes of each batched call: as many as memory and speed agree with."""
    at_once = max(1, min(AT_ONCE, IMAGES_AT_ONCE // (setting.ways * setting.shots)))
    for first in range(0, episodes, at_once):
        yield range(first, min(first + at_once, episodes))


def draw_numbered(classes: ImageClasses, setting: Setting, seed: int, number: int) -> Episode:
    """Episode `number`: the same for every learner."""
    rng = generator(seed, setting.ways, setting.shots, number)
    return draw_episode(rng, classes, setting.ways, setting.shots, setting.queries)


def to_support(learner: Learner, setting: Setting, episode: Episode) -> Support:
    """An episode's support set, encoded."""
    images, labels = flatten(episode.support)
    return Support(learner.encode(images), labels, setting.ways, setting.steps, setting.learning_rate)


def to_query(learner: Learner, episode: Episode) -> tuple[Tensor, Tensor]:
    """An episode's queries, encoded [Q, ...], and their labels [Q], on the learner's device."""
    images, labels = flatten(episode.query)
    return learner.encode(images), labels.to(learner.device)


def _accuracies(learner: Learner, setting: Setting, episodes: list[Episode]) -> list[float]:
    supports = [to_support(learner, setting, episode) for episode in episodes]
    queries, answers = zip(*(to_query(learner, episode) for episode in episodes), strict=True)
    models = [adaptation.adapted for adaptation in learner.adapt(supports)]
    predictions = learner.predict(models, queries, setting.transductive)
    return [
        float((said.probabilities.argmax(dim=1) == labels).double().mean())
        for said, labels in zip(predictions, answers, strict=True)
    ]
