"""Cross-validation within a support set: heads that are made without some of its examples are asked about these."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor
from torch.nn.functional import one_hot, pad

from models.heads.interface import Head
from models.heads.linear import logits
from models.tasks import PADDING, FeatureSet, pad_stack

ONE_BY_ONE = 30
"""Most examples that are left out one by one; of more, which would take long, a fifth at a time."""
FOLDS = 5
MOST_WORK = 2 * 10**7
"""Examples² × classes beyond which nothing is left out: it would take many seconds."""
CACHE, GPU_MEMORY = 2**24, 2**30
"""Bytes of features of the heads that are made together: on a GPU, an operation takes as long for one as for many."""
TEMPERATURE = 0.35
"""Of the probabilities: sharper than scores are, it tells more of how many examples will be right."""


@dataclass(frozen=True)
class Signs:
    """What heads said of the L examples that they were made without, and so of the accuracy to come."""

    scores: Tensor
    """Logits [L, N]."""
    own: Tensor
    """Their own classes [L]."""
    places: Tensor
    """Their numbers in the support set [L]."""
    shots: Tensor
    """How many examples each class has, near copies counting as one [N]."""

    @cached_property
    def _members(self) -> Tensor:
        return one_hot(self.own, self.scores.shape[1]).to(self.scores.dtype)

    @cached_property
    def probabilities(self) -> Tensor:
        """Mean probability of an example's own class, by class [N]; nan for a class of one example."""
        own = (self.scores / TEMPERATURE).softmax(dim=1).gather(1, self.own[:, None])
        return (self._members.T @ own).squeeze(1) / self._members.sum(dim=0)

    @cached_property
    def taken(self) -> Tensor:
        """How many examples of a class, in rows, are taken for which one [N, N]."""
        said = one_hot(self.scores.argmax(dim=1), self.scores.shape[1]).to(self.scores.dtype)
        return (self._members.T @ said).long()

    @cached_property
    def probability(self) -> float:
        """Mean over the classes that have two examples."""
        return float(self.probabilities.nanmean())


@dataclass(frozen=True)
class Folds:
    """Heads to make of one support set, each without some of its examples."""

    examples: FeatureSet
    held: Tensor
    """Which examples each of L heads is made without [L, S], on the host."""

    @property
    def size(self) -> int:
        """Bytes of the features, once for each head."""
        return len(self.held) * self.examples.features.nbytes


def cross_validate(head: Head, sets: Sequence[FeatureSet]) -> list[Signs | None]:
    """Return, for each support set, what heads made without some of its examples say of these, on the host.

    Features are best as they are before the inner steps. Near copies are left out together. The only example or group
    of a class is never left out; None where all classes have but one, or there are too many examples.
    """
    asked = [None if takes_long(each.labels, each.ways) else Folds(each, _held_out(each)) for each in sets]
    able = [folds if folds and folds.held.any() else None for folds in asked]
    said = iter(left_out(head, [folds for folds in able if folds]))
    return [None if folds is None else _signs(folds, next(said)) for folds in able]


def left_out(head: Head, asked: Sequence[Folds]) -> list[Tensor]:
    """Return the logits [L, S, N] that the L heads of each support set give all its examples, on the host."""
    return [scores for part in _parts(asked) for scores in _together(head, part)]


def takes_long(labels: Tensor, ways: int) -> bool:
    """Say whether there are too many examples to leave any out."""
    return len(labels) ** 2 * ways > MOST_WORK


def places(labels: Tensor, ways: int) -> Tensor:
    """Return each example's number within its class [S], from 0."""
    members = one_hot(labels, ways)
    return (members.cumsum(dim=0) - members).gather(1, labels.unsqueeze(1)).squeeze(1)


def _parts(asked: Sequence[Folds]) -> Iterator[list[Folds]]:
    """Yield what goes together."""
    part: list[Folds] = []
    size = 0
    for folds in asked:
        most = CACHE if folds.examples.features.device.type == "cpu" else GPU_MEMORY
        if part and size + folds.size > most:
            yield part
            part, size = [], 0
        part.append(folds)
        size += folds.size
    if part:
        yield part


def _together(head: Head, asked: Sequence[Folds]) -> Iterator[Tensor]:
    """Yield logits as `left_out` does, of support sets that are padded to one size."""
    features, counts = pad_stack([folds.examples.features for folds in asked]), [len(folds.held) for folds in asked]
    own = torch.arange(len(asked)).repeat_interleave(torch.tensor(counts))
    ways = torch.tensor([folds.examples.ways for folds in asked])[own]
    seen = torch.cat([_seen(folds, features.shape[1]) for folds in asked])
    spread = features.expand(counts[0], -1, -1) if len(asked) == 1 else features[own.to(features.device)]
    scores = logits(head.build(spread, seen.to(spread.device), ways.to(spread.device)), spread).cpu()
    for folds, said in zip(asked, torch.split(scores, counts), strict=True):
        yield said[:, : len(folds.examples.labels), : folds.examples.ways]


def _seen(folds: Folds, length: int) -> Tensor:
    """Return the labels that heads are made with [L, length], PADDING for what is left out or not there."""
    seen = torch.where(folds.held, PADDING, folds.examples.labels)
    return pad(seen, (0, length - seen.shape[1]), value=PADDING)


def _signs(folds: Folds, scores: Tensor) -> Signs:
    numbers, examples = folds.held.nonzero()[:, 1], folds.examples
    return Signs(scores[folds.held], examples.labels[numbers], numbers, _shots(examples))


def _held_out(examples: FeatureSet) -> Tensor:
    """Which examples [folds, S] each fold leaves out."""
    labels, ways, groups = examples.labels, examples.ways, examples.groups
    own = torch.arange(len(labels))
    firsts = groups == own
    several = _shots(examples)[labels] > 1
    if len(labels) <= ONE_BY_ONE:
        return (groups == own[firsts][:, None]) & several
    number = torch.zeros_like(labels)
    number[firsts] = places(labels[firsts], ways)
    return (number[groups] % FOLDS == torch.arange(FOLDS)[:, None]) & several


def _shots(examples: FeatureSet) -> Tensor:
    """How many examples each class has, near copies counting as one [N]."""
    firsts = examples.groups == torch.arange(len(examples.labels))
    return torch.bincount(examples.labels[firsts], minlength=examples.ways)
