"""Episodes as users' support sets are: of any number of classes, with any number of images each."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor

from meta_training.data.image_classes import ImageClasses
from models.learner import Learner
from models.tasks import Support

LEAST_QUERIES = 4
"""Images of a class that a setting leaves to ask about, at least."""


@dataclass(frozen=True)
class Episode:
    """Support images [S, ...] with labels [S], and others [Q, ...] with theirs [Q].

    `shots` are the support images of each class, and `classes` the classes' numbers in the set.
    """

    images: Tensor
    labels: Tensor
    queries: Tensor
    answers: Tensor
    shots: tuple[int, ...]
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


def fitting(classes: ImageClasses, settings: Sequence[tuple[int, ...]]) -> Iterator[tuple[int, ...]]:
    """Yield the settings, numbers of images of each class, that a data set has classes enough for."""
    for shots in settings:
        if len(_large(classes, max(shots))) >= len(shots):
            yield shots


def draw(rng: Generator, classes: ImageClasses, shots: tuple[int, ...], queries: int) -> Episode:
    """Draw different classes in random order, so many images of each, and up to so many `queries` of each."""
    large = _large(classes, max(shots))
    chosen = rng.permutation(large)[: len(shots)]
    picks = [rng.permutation(len(classes.images[label])) for label in chosen]
    taken = list(zip(chosen, picks, shots, strict=True))
    support = [classes.images[label][pick[:count]] for label, pick, count in taken]
    asked = [classes.images[label][pick[count : count + queries]] for label, pick, count in taken]
    return Episode(
        images=_joined(support),
        labels=_labels(support),
        queries=_joined(asked),
        answers=_labels(asked),
        shots=shots,
        classes=tuple(chosen.tolist()),
    )


def _large(classes: ImageClasses, shots: int) -> list[int]:
    return [label for label, images in enumerate(classes.images) if len(images) >= shots + LEAST_QUERIES]


def _joined(images: Sequence[np.ndarray]) -> Tensor:
    return torch.from_numpy(np.concatenate(images))


def _labels(images: Sequence[np.ndarray]) -> Tensor:
    return torch.arange(len(images)).repeat_interleave(torch.tensor([len(each) for each in images]))
