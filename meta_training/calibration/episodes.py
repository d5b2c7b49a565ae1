"""Episodes as users' support sets are: of any number of classes, with any number of images each."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor

from meta_training.data.episodes import generator
from meta_training.data.image_classes import ImageClasses
from models.learner import Learner
from models.tasks import Support

LEAST_QUERIES = 4
"""Images of a class that a setting leaves to ask about, at least."""
QUERIES = 10
"""Images of each class that are asked about, where there are so many."""
SINGLES = ((1,) * 2, (1,) * 5, (1,) * 10)
"""Single images of each class."""
SINGLE_EVERY = 6
"""Of the episodes of a set, one in so many of each of SINGLES beside them."""


@dataclass(frozen=True)
class Episode:
    """Support images [S, ...] with labels [S], and others [Q, ...] with theirs [Q].

    `shots` are the support images of each class, `different` without the further frames of any, and `classes` the
    classes' numbers in the set.
    """

    images: Tensor
    labels: Tensor
    queries: Tensor
    answers: Tensor
    shots: tuple[int, ...]
    different: tuple[int, ...]
    classes: tuple[int, ...]

    @property
    def ways(self) -> int:
        """N."""
        return len(self.shots)

    def support(self, learner: Learner) -> Support:
        """Return the support set with the learner's default steps."""
        inner = learner.checkpoint.metadata.inner
        return Support(
            learner.encode(self.images), self.labels, self.ways, inner.steps_for(min(self.shots)), inner.learning_rate
        )


Plan: TypeAlias = Sequence[tuple[str, Callable[[], Episode]]]
"""Episodes to draw, each with its set's name."""


def plan(sets: Mapping[str, ImageClasses], settings: Sequence[tuple[int, ...]], episodes: int, seed: int) -> Plan:
    """Return so many episodes of each setting that a set has classes enough for."""
    return [
        (name, partial(draw, generator(seed, number, *shots), classes, shots, QUERIES))
        for name, classes in sets.items()
        for shots in fitting(classes, settings)
        for number in range(episodes)
    ]


def fitting(classes: ImageClasses, settings: Sequence[tuple[int, ...]]) -> Iterator[tuple[int, ...]]:
    """Yield the settings, numbers of images of each class, that a data set has classes enough for."""
    for shots in settings:
        if len(_large(classes, max(shots))) >= len(shots):
            yield shots


def draw(
    rng: Generator, classes: ImageClasses, shots: tuple[int, ...], queries: int, *, burst: bool = False
) -> Episode:
    """Draw different classes in random order, so many images of each, and up to so many `queries` of each.

    With `burst` the support set has the further frames of one image of each class, too.
    """
    chosen = rng.permutation(_large(classes, max(shots)))[: len(shots)]
    picks = [rng.permutation(len(classes.images[label])) for label in chosen]
    if burst:
        places = [int(rng.integers(len(classes.frames[label]))) for label in chosen]
        picks = [_first(*both) for both in zip(picks, places, strict=True)]
    taken = list(zip(chosen, picks, shots, strict=True))
    support = [classes.images[label][pick[:count]] for label, pick, count in taken]
    if burst:
        further = [classes.frames[label][pick[0]] for label, pick, _ in taken]
        support = [np.concatenate(both) for both in zip(support, further, strict=True)]
    asked = [classes.images[label][pick[count : count + queries]] for label, pick, count in taken]
    return Episode(
        images=_joined(support),
        labels=_labels(support),
        queries=_joined(asked),
        answers=_labels(asked),
        shots=tuple(map(len, support)),
        different=shots,
        classes=tuple(chosen.tolist()),
    )


def _first(places: NDArray[np.int64], place: int) -> NDArray[np.int64]:
    """Return the places with one of them first."""
    return np.concatenate([[place], places[places != place]])


def _large(classes: ImageClasses, shots: int) -> list[int]:
    return [label for label, images in enumerate(classes.images) if len(images) >= shots + LEAST_QUERIES]


def _joined(images: Sequence[np.ndarray]) -> Tensor:
    return torch.from_numpy(np.concatenate(images))


def _labels(images: Sequence[np.ndarray]) -> Tensor:
    return torch.arange(len(images)).repeat_interleave(torch.tensor([len(each) for each in images]))
