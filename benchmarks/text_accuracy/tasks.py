"""Tasks of a set: all its classes, or episodes of a few."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from benchmarks.text_accuracy.contenders import Contender, Task
from benchmarks.text_accuracy.sets import TextSet
from meta_training.data.episodes import generator

QUERIES = 15  # of each class of an episode
Accuracies = dict[str, np.ndarray]
"""Of each draw, by contender."""


class Drawn(NamedTuple):
    """Places of texts to adapt to and to ask about, and their labels."""

    support: Tensor
    labels: Tensor
    queries: Tensor
    answers: Tensor


def of_all(texts: TextSet, shots: int, seed: int) -> Drawn:
    """Draw so many training texts of each class, to ask about all of the test set."""
    rng = generator(seed, shots)
    picked = torch.cat([numbers[torch.from_numpy(rng.permutation(len(numbers))[:shots])] for numbers in texts.train])
    labels = torch.arange(len(texts.classes)).repeat_interleave(shots)
    return Drawn(picked, labels, texts.test, texts.answers)


def draw(texts: TextSet, ways: int, shots: int, number: int) -> Drawn:
    """Draw episode `number`: training texts to adapt to, test texts to ask about."""
    rng = generator(number, ways, shots)
    support, queries, answers = [], [], []
    for label, chosen in enumerate(rng.choice(len(texts.classes), ways, replace=False).tolist()):
        train, test = texts.train[chosen], texts.test[texts.answers == chosen]
        support.append(train[torch.from_numpy(rng.permutation(len(train))[:shots])])
        queries.append(test[torch.from_numpy(rng.permutation(len(test))[:QUERIES])])
        answers += [label] * len(queries[-1])
    labels = torch.arange(ways).repeat_interleave(shots)
    return Drawn(torch.cat(support), labels, torch.cat(queries), torch.tensor(answers))


def encoded(texts: TextSet, drawn: Drawn) -> tuple[Task, Tensor]:
    """Return what was drawn as vectors, and the answers."""
    return Task(texts.vectors[drawn.support], drawn.labels, texts.vectors[drawn.queries]), drawn.answers


def score(field: Mapping[str, Contender], tasks: Sequence[tuple[Task, Tensor]], title: str) -> Accuracies:
    """The accuracy of each contender in each task."""
    found: dict[str, list[float]] = {name: [] for name in field}
    for task, answers in tqdm(tasks, desc=title, leave=False):
        for name, contender in field.items():
            found[name].append(float((contender(task) == answers).double().mean()))
    return {name: np.array(values) for name, values in found.items()}


def interval(values: np.ndarray) -> str:
    """Mean and half of the 95 % interval, in points."""
    error = 1.96 * values.std(ddof=1) / len(values) ** 0.5 if len(values) > 1 else float("nan")
    return f"{100 * values.mean():.2f} ± {100 * error:.2f}"
