"""Accuracy over episodes, with its 95 % confidence interval, by the calls that the service makes."""

from collections.abc import Iterator

from torch import Tensor
from tqdm import tqdm

from meta_training.data.episodes import Episode, draw_episode, flatten, generator
from meta_training.data.image_classes import ImageClasses
from meta_training.evaluation.score import Score, Setting, score
from models.learner import Learner
from models.metadata import CheckpointMetadata
from models.tasks import Support

AT_ONCE = 8  # episodes of one batched call, at most
IMAGES_AT_ONCE = 2000  # support images of one batched call, at most: they bound its memory


def standard_settings(metadata: CheckpointMetadata, classes: ImageClasses) -> list[Setting]:
    """Return the field's settings, 5 and 20 ways by 1 and 5 shots, as far as the head and the classes allow.

    Raises DataError where they allow none.
    """
    inner, fixed = metadata.inner, metadata.head.fixed_ways
    classes.require(fixed or 2, shots=2)  # one to adapt to and one to ask about
    most, least = len(classes), min(len(pictures) for pictures in classes.images)
    return [
        Setting(ways=ways, shots=shots, steps=inner.steps_for(shots), learning_rate=inner.learning_rate)
        for ways in sorted({min(ways, most) for ways in ((fixed,) if fixed else (5, 20))})
        for shots in sorted({min(shots, least - 1) for shots in (1, 5)})
    ]


def evaluate(
    learner: Learner, classes: ImageClasses, setting: Setting, episodes: int, seed: int = 0, *, progress: bool = False
) -> Score:
    """Adapt to `episodes` support sets of `classes` and score their queries.

    Episode i is the same for every learner and every number of episodes. Raises DataError where the classes are too few
    or too small.
    """
    classes.require(setting.ways, setting.shots + setting.queries)
    accuracies: list[float] = []
    with tqdm(total=episodes, desc=setting.title, unit="episode", disable=not progress, leave=False) as bar:
        for numbers in batches(setting, episodes):
            drawn = [draw_numbered(classes, setting, seed, number) for number in numbers]
            accuracies += _accuracies(learner, setting, drawn)
            bar.update(len(drawn))
    return score(setting, accuracies)


def batches(setting: Setting, episodes: int) -> Iterator[range]:
    """Yield the numbers of the episodes of each batched call."""
    at_once = max(1, min(AT_ONCE, IMAGES_AT_ONCE // (setting.ways * setting.shots)))
    for first in range(0, episodes, at_once):
        yield range(first, min(first + at_once, episodes))


def draw_numbered(classes: ImageClasses, setting: Setting, seed: int, number: int) -> Episode:
    """Return episode `number`, the same for every learner."""
    rng = generator(seed, setting.ways, setting.shots, number)
    return draw_episode(rng, classes, setting.ways, setting.shots, setting.queries)


def to_support(learner: Learner, setting: Setting, episode: Episode) -> Support:
    """Return an episode's support set, encoded."""
    images, labels = flatten(episode.support)
    return Support(learner.encode(images), labels, setting.ways, setting.steps, setting.learning_rate)


def to_query(learner: Learner, episode: Episode) -> tuple[Tensor, Tensor]:
    """Return an episode's queries, encoded [Q, ...], and their labels [Q], on the learner's device."""
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
