"""Episodes: few-shot tasks drawn from a data set, each by a random generator of its own."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor

from meta_training.data.image_classes import ImageClasses


@dataclass(frozen=True)
class Episode:
    """An N-way task: support [N, K, ...] and query [N, Q, ...] images, class by class in label order."""

    support: NDArray[Any]
    query: NDArray[Any]

    @property
    def ways(self) -> int:
        """N."""
        return len(self.support)


def generator(seed: int, *place: int) -> Generator:
    """Return the random generator of one place in a run, such as (meta step, task), independent of all others."""
    return np.random.default_rng((seed, *place))


def draw_episode(rng: Generator, classes: ImageClasses, ways: int, shots: int, queries: int = 0) -> Episode:
    """Draw `ways` different classes in random order, and `shots` + `queries` different images of each."""
    chosen = rng.choice(len(classes), ways, replace=False)
    images = [classes.images[label] for label in chosen]
    picks = [rng.choice(len(pictures), shots + queries, replace=False) for pictures in images]
    drawn = np.stack([pictures[pick] for pictures, pick in zip(images, picks, strict=True)])
    return Episode(drawn[:, :shots], drawn[:, shots:])


def draw_minibatches(rng: Generator, size: int, batch: int, steps: int) -> NDArray[np.int64]:
    """Draw indices [steps, batch] into `size` images without replacement, pass after shuffled pass.

    A batch that a pass does not fill takes the rest from the next one, as in Reptile's reference code.
    """
    passes = -(-batch * steps // size)
    order = np.concatenate([rng.permutation(size) for _ in range(passes)])
    return order[: batch * steps].reshape(steps, batch)


def flatten(images: NDArray[Any]) -> tuple[Tensor, Tensor]:
    """Return images [N, K, ...] as a list [N·K, ...] with labels [N·K]."""
    ways, shots = images.shape[:2]
    return torch.from_numpy(images.reshape(-1, *images.shape[2:])), torch.arange(ways).repeat_interleave(shots)
