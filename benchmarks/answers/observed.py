"""Observations of each set, kept in a folder as they end: a run that is started again goes on after them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import torch

from benchmarks.answers.strangers import SHOTS
from meta_training.calibration.episodes import SINGLE_EVERY, SINGLES, plan
from meta_training.calibration.observations import Observation, observe
from meta_training.calibration.varied import varied
from meta_training.data.image_classes import ImageClasses
from models.atomic_file import replace_file
from models.checkpoint import Checkpoint
from models.estimates.calibration import Calibration

FIVE_EVERY = 2
"""Of the episodes of a set, one in so many of five classes of five images beside them."""


class Observed(NamedTuple):
    """What was seen of a set."""

    varied: list[Observation]
    """Of all sizes, and of single images."""
    five: list[Observation]
    """Of five classes with five images each."""


@dataclass(frozen=True)
class Observer:
    """Adapts a checkpoint to so many episodes of a set; it answers under `plain`."""

    checkpoint: Checkpoint
    plain: Calibration
    episodes: int
    seed: int
    folder: Path | None = None

    def __call__(self, sets: Mapping[str, ImageClasses]) -> Iterator[Observed]:
        """Yield each set's, as the folder has them or as they are found now."""
        for name, classes in sets.items():
            sizes = classes.names, tuple(map(len, classes.images))
            about = (self.checkpoint.digest, self.plain.model_dump_json(), self.episodes, self.seed, sizes)
            path = self.folder / f"{name}.pt" if self.folder else None
            kept, found = torch.load(path, weights_only=False) if path and path.exists() else (None, None)
            if kept != about:
                found = self._observe({name: classes})
                _keep(path, (about, found))
            yield found

    def _observe(self, one: Mapping[str, ImageClasses]) -> Observed:
        plans = (
            plan(one, SINGLES, max(1, self.episodes // SINGLE_EVERY), self.seed),
            varied(one, self.episodes, self.seed, bursts=True),
            plan(one, [SHOTS], max(1, self.episodes // FIVE_EVERY), self.seed),
        )
        single, several, five = (list(observe(self.checkpoint, self.plain, each)) for each in plans)
        return Observed([*single, *several], five)


def _keep(path: Path | None, value: object) -> None:
    if path:
        path.parent.mkdir(parents=True, exist_ok=True)
        buffer = BytesIO()
        torch.save(value, buffer)
        replace_file(path, buffer.getvalue())
