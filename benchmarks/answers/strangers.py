"""`known`, 5-way 5-shot: how well the classes' own images are told from others'."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from meta_training.calibration.episodes import draw, fitting
from meta_training.data.episodes import generator
from meta_training.data.image_classes import ImageClasses
from models.initializations.adapted import Adapted
from models.learner import Learner

SHOTS = (5,) * 5
QUERIES = 10
EACH = 3
"""Images of each other class and of each other set."""
Areas = dict[str, list[float]]


def areas(learner: Learner, sets: Mapping[str, ImageClasses], episodes: int, seed: int) -> dict[str, Areas]:
    """Area under the ROC curve by set, against other classes of the set and against the other sets."""
    found: dict[str, Areas] = {}
    names = [name for name, classes in sets.items() if [*fitting(classes, [SHOTS])]]
    for name in tqdm(names, desc="strangers", unit="set", leave=False):
        found[name] = {"other classes": [], "other sets": []}
        for number in range(episodes):
            rng = generator(seed, number, *SHOTS)
            episode = draw(rng, sets[name], SHOTS, QUERIES)
            (made,) = learner.adapt([episode.support(learner)])
            own, *strange = (
                _familiarity(learner, made.adapted, images)
                for images in (episode.queries, _of_others(rng, sets[name], episode.classes), _of_sets(rng, sets, name))
            )
            for kind, values in zip(found[name], strange, strict=True):
                if len(values):
                    found[name][kind].append(area(own, values))
    return found


def area(known: NDArray[np.float32], strange: NDArray[np.float32]) -> float:
    """How often a known image is more familiar than a strange one."""
    return float((known[:, None] > strange).mean() + (known[:, None] == strange).mean() / 2)


def report(found: Mapping[str, Areas]) -> Iterator[str]:
    """A row for each set, and their mean."""
    kinds = ("other classes", "other sets")
    yield "| set | AUROC, other classes | AUROC, other sets |\n|---|---|---|"
    for name, areas_of in found.items():
        yield f"| {name} | " + " | ".join(_mean(areas_of[kind]) for kind in kinds) + " |"
    means = [[float(np.mean(each[kind])) for each in found.values() if each[kind]] for kind in kinds]
    yield "| **mean** | " + " | ".join(map(_mean, means)) + " |"


def _familiarity(learner: Learner, adapted: Adapted, images: Tensor) -> NDArray[np.float32]:
    if not len(images):
        return np.empty(0, np.float32)
    (said,) = learner.predict([adapted], [learner.encode(images)])
    found = said.looks.familiarity
    return np.empty(0, np.float32) if found is None else found.numpy()


def _of_others(rng: np.random.Generator, classes: ImageClasses, own: Sequence[int]) -> Tensor:
    return _some(rng, [images for label, images in enumerate(classes.images) if label not in own])


def _of_sets(rng: np.random.Generator, sets: Mapping[str, ImageClasses], name: str) -> Tensor:
    return _some(rng, [images for other, classes in sets.items() if other != name for images in classes.images[:1]])


def _some(rng: np.random.Generator, classes: Sequence[NDArray[np.generic]]) -> Tensor:
    picks = [images[rng.permutation(len(images))[:EACH]] for images in classes]
    return torch.from_numpy(np.concatenate(picks)) if picks else torch.empty(0)


def _mean(values: Sequence[float]) -> str:
    return f"{np.mean(values):.3f}" if values else "has no other"
