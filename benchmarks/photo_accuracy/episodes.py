"""Episodes as numbers of photos, so that all contenders see the same, however each represents a photo."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from benchmarks.photo_accuracy.photos import Photos
from meta_training.data.episodes import draw_episode, generator

QUERIES = 15  # a class, or as many as there are
AT_ONCE = 8


@dataclass(frozen=True)
class Episodes:
    """E episodes of one N and K: numbers of support [E, N·K] and query [E, N·Q] photos, class by class.

    `first` is the number of the first of them among those drawn.
    """

    support: Tensor
    query: Tensor
    ways: int
    first: int = 0

    def __len__(self) -> int:
        return len(self.support)

    @property
    def labels(self) -> Tensor:
        """Of the support photos of each episode [N·K]."""
        return _labels(self.ways, self.support)

    @property
    def answers(self) -> Tensor:
        """Of the query photos of each episode [N·Q]."""
        return _labels(self.ways, self.query)

    def parts(self) -> Iterator["Episodes"]:
        """A few at a time."""
        for start in range(0, len(self), AT_ONCE):
            part = slice(start, start + AT_ONCE)
            yield Episodes(self.support[part], self.query[part], self.ways, self.first + start)


def draw(photos: Photos, ways: int, shots: int, episodes: int, seed: int) -> Episodes:
    """Episodes of `ways` classes, or of all where there are fewer. Raises DataError where photos are too few."""
    ways = min(ways, len(photos.numbers))
    photos.numbers.require(ways, shots + 1)
    queries = min(QUERIES, min(map(len, photos.numbers.images)) - shots)
    drawn = [
        draw_episode(generator(seed, ways, shots, number), photos.numbers, ways, shots, queries)
        for number in range(episodes)
    ]
    support, query = (
        torch.from_numpy(np.stack(part)).flatten(start_dim=1)
        for part in ([episode.support for episode in drawn], [episode.query for episode in drawn])
    )
    return Episodes(support, query, ways)


def _labels(ways: int, numbers: Tensor) -> Tensor:
    return torch.arange(ways).repeat_interleave(numbers.shape[1] // ways)
