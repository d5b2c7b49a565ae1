"""Unbalanced pools to label, with a balanced test set beside each, out of a data set that was encoded once."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from meta_training.data.image_classes import ImageClasses, read_classes
from models.learner import Learner
from models.parameters import gather

WAYS = 10
TEST_SHARE, LEAST_TEST = 0.3, 5
RATIO = 10  # between the most frequent class of a pool and the rarest
RAREST = 2  # pictures
AT_ONCE = 32


@dataclass(frozen=True)
class DataSet:
    """Features of all pictures as the head takes them, before any inner step: [K, F] a class."""

    name: str
    classes: tuple[Tensor, ...]


@dataclass(frozen=True)
class Pool:
    """Features [P, F] and classes [P] of a pool and of a test set, and the order [P] of whoever labels at random."""

    features: Tensor
    classes: Tensor
    test: Tensor
    test_classes: Tensor
    shuffled: NDArray[np.int64]


def read_sets(sources: list[Path], domains: Path | None, names: list[str], learner: Learner) -> Iterator[DataSet]:
    """Yield data sets, and of `domains` those of these names, encoded. Raises DataError."""
    spec = learner.checkpoint.metadata.input
    for source in sources:
        yield encode(source.stem, read_classes([source], spec, progress=True), learner)
    if domains and names:
        of_domains = read_classes([domains], spec, progress=True).by_domain()
        for name in names:
            yield encode(name, of_domains[name], learner)


def encode(name: str, classes: ImageClasses, learner: Learner) -> DataSet:
    """Run the encoder and the network, as meta-trained, over all pictures once."""
    network, parameters = learner.architecture.network, gather([learner.initialization.parameters])
    features = []
    with torch.no_grad(), tqdm(total=sum(map(len, classes.images)), desc=f"encoding {name}", leave=False) as bar:
        for pictures in classes.images:
            parts = []
            for part in torch.split(torch.from_numpy(pictures), AT_ONCE):
                parts.append(network(parameters, learner.encode(part)[None])[0][0])
                bar.update(len(part))
            features.append(torch.cat(parts))
    return DataSet(name, tuple(features))


def draw(data: DataSet, seed: int, run: int) -> Pool:
    """Return a pool of up to WAYS classes whose sizes fall in a geometric series, in random order of classes."""
    random = np.random.default_rng([seed, run])
    chosen = [data.classes[place] for place in random.permutation(len(data.classes))[:WAYS]]
    tests = [max(LEAST_TEST, int(TEST_SHARE * len(each))) for each in chosen]
    most = min(len(each) - test for each, test in zip(chosen, tests, strict=True))
    sizes = [max(RAREST, round(most * RATIO ** -(place / (len(chosen) - 1)))) for place in range(len(chosen))]
    random.shuffle(sizes)
    shuffled = [each[torch.from_numpy(random.permutation(len(each)))] for each in chosen]
    pools = [each[test : test + size] for each, test, size in zip(shuffled, tests, sizes, strict=True)]
    kept = [each[:test] for each, test in zip(shuffled, tests, strict=True)]
    order = random.permutation(sum(sizes))
    return Pool(torch.cat(pools), _classes(pools), torch.cat(kept), _classes(kept), order)


def _classes(parts: list[Tensor]) -> Tensor:
    return torch.arange(len(parts)).repeat_interleave(torch.tensor([len(part) for part in parts]))
