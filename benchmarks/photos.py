"""Photographs for the benchmarks, encoded once.

The sets are `grocery-store`, `clothing` and `sign-digits`: in a folder, each a folder, zip or tar of class folders.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from meta_training.data.image_classes import read_classes
from meta_training.errors import DataError
from models.learner import Learner

SETS = ("grocery-store", "clothing", "sign-digits")


@dataclass(frozen=True)
class Photos:
    """A set's classes of encoded photos [K, ...]."""

    classes: tuple[Tensor, ...]

    def episode(
        self, rng: np.random.Generator, ways: int, shots: int, queries: int
    ) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Support with labels, queries with labels, and as many pictures of other classes as there are of these."""
        order = rng.permutation(len(self.classes))
        chosen, rest = order[:ways], order[ways : 2 * ways]
        picks = [rng.permutation(len(self.classes[label])) for label in chosen]
        support = [self.classes[label][pick[:shots]] for label, pick in zip(chosen, picks, strict=True)]
        asked = [self.classes[label][pick[shots : shots + queries]] for label, pick in zip(chosen, picks, strict=True)]
        others = [self._some(rng, int(label), queries) for label in rest]
        return (
            torch.cat(support).float(),
            torch.arange(len(chosen)).repeat_interleave(shots),
            torch.cat(asked).float(),
            torch.cat([torch.full((len(images),), label) for label, images in enumerate(asked)]),
            torch.cat(others).float() if others else torch.empty(0),
        )

    def any(self, rng: np.random.Generator, count: int) -> Tensor:
        """Pictures of any classes."""
        return torch.cat([self._some(rng, int(rng.integers(len(self.classes))), 1) for _ in range(count)]).float()

    def _some(self, rng: np.random.Generator, label: int, count: int) -> Tensor:
        images = self.classes[label]
        return images[rng.permutation(len(images))[:count]]


def read_photos(data: Path, learner: Learner) -> dict[str, Photos]:
    """The sets by name. Raises DataError where one is missing."""
    return {name: _encode(_find(data, name), learner) for name in SETS}


def _find(data: Path, name: str) -> Path:
    for path in (data / name, data / f"{name}.zip", data / f"{name}.tar"):
        if path.exists():
            return path
    raise DataError(f"{data} has no {name}, {name}.zip or {name}.tar: a folder of photos for each class.")


def _encode(path: Path, learner: Learner) -> Photos:
    classes = read_classes([path], learner.checkpoint.metadata.input, progress=True)
    images = tqdm(classes.images, desc=f"encoding {path.name}", unit="class", leave=False)
    return Photos(tuple(learner.encode(torch.from_numpy(pictures)).half().cpu() for pictures in images))
