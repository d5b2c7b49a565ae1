"""Label a pool a few pictures at a time, until the model is as good as with all labels, nearly."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TypeAlias

import torch
from torch import Tensor

from benchmarks.label_next.pools import Pool
from models.estimates.label_next import COPIES, label_next
from models.estimates.near_copies import near_copies
from models.heads.linear import HEAD_BIAS, HEAD_WEIGHT
from models.learner import Learner

Rank: TypeAlias = Callable[[Tensor, Tensor, Tensor], Tensor]
"""From probabilities [Q, N] and features [Q, F] of what has no label yet, in random order, and the number of labels of
each class [N], the order [Q]."""
FIRST = 5  # pictures that are labelled at random, or as many as it takes to find two classes
TOGETHER = 2  # labels between two adaptations, of which each takes a fraction of a second
ENOUGH = 0.95  # of the accuracy that all labels give


def by_gradients(probabilities: Tensor, features: Tensor, shots: Tensor) -> Tensor:
    """As the service ranks."""
    (groups,) = near_copies([features], [probabilities.argmax(dim=1)], COPIES)
    return label_next(probabilities, features, groups, shots)


def by_margin(probabilities: Tensor, features: Tensor, shots: Tensor) -> Tensor:  # noqa: ARG001 # a Rank
    """The smallest lead of the best label over the second first (Scheffer et al. 2001)."""
    first, second = probabilities.topk(2, dim=1).values.T
    return (first - second).argsort(stable=True)


def at_random(probabilities: Tensor, features: Tensor, shots: Tensor) -> Tensor:  # noqa: ARG001 # a Rank
    """In the order in which they come, which is random."""
    return torch.arange(len(probabilities))


RANKINGS: Mapping[str, Rank] = MappingProxyType({"random": at_random, "margin": by_margin, "kshot": by_gradients})


class Labelling:
    """A pool as it is labelled; the head is solved anew after each few labels, as the service does without steps."""

    def __init__(self, learner: Learner, pool: Pool) -> None:
        self.pool = pool
        self._head = learner.architecture.head
        calibration = learner.checkpoint.metadata.calibration
        self._temperature = calibration.temperature if calibration else 1.0
        self.best = self.accuracy(range(len(pool.classes)))

    def labels_needed(self, rank: Rank) -> int:
        """Return how many pictures are labelled when ENOUGH of the full pool's accuracy is reached."""
        labelled = self._first()
        while self.accuracy(labelled) < ENOUGH * self.best:
            done = set(labelled)
            left = [place for place in self.pool.shuffled.tolist() if place not in done]
            probabilities = self._probabilities(labelled, self.pool.features[left])
            shots = self.pool.classes[labelled].unique(return_counts=True)[1]
            order = rank(probabilities, self.pool.features[left], shots).tolist()
            labelled += [left[place] for place in order[:TOGETHER]]
        return len(labelled)

    def accuracy(self, labelled: Sequence[int]) -> float:
        """Return the accuracy on the test set, as many pictures of each class; classes never seen are wrong."""
        found = self.pool.classes[list(labelled)].unique()
        said = found[self._probabilities(labelled, self.pool.test).argmax(dim=1)]
        right = (said == self.pool.test_classes).double()
        classes = self.pool.test_classes.unique()
        return float(torch.stack([right[self.pool.test_classes == each].mean() for each in classes]).mean())

    def _first(self) -> list[int]:
        order = self.pool.shuffled.tolist()
        count = FIRST
        while len(self.pool.classes[order[:count]].unique()) < 2:
            count += 1
        return order[:count]

    def _probabilities(self, labelled: Sequence[int], features: Tensor) -> Tensor:
        places = list(labelled)
        found, labels = self.pool.classes[places].unique(return_inverse=True)
        built = self._head.build(self.pool.features[places][None], labels[None], torch.tensor([len(found)]))
        scores = features @ built[HEAD_WEIGHT][0].T + built[HEAD_BIAS][0]
        return (scores / self._temperature).softmax(dim=1)
