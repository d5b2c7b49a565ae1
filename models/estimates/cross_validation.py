"""Cross-validation within a support set: heads that are made without some of its examples are asked about these."""

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from models.heads.interface import Head
from models.heads.linear import HEAD_BIAS, HEAD_WEIGHT

ONE_BY_ONE = 30
"""Most examples that are left out one by one; of more, which would take long, a fifth at a time."""
FOLDS = 5
MOST_WORK = 2 * 10**7
"""Examples² × classes beyond which nothing is left out: it would take many seconds."""
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

    @property
    def probability(self) -> float:
        """Mean over the classes that have two examples."""
        return float(self.probabilities.nanmean())

    @property
    def examples(self) -> Tensor:
        """How many of each class were left out [N]."""
        return self.taken.sum(dim=1)


def cross_validate(
    head: Head, features: Tensor, labels: Tensor, ways: int, groups: Tensor | None = None
) -> Signs | None:
    """Return what heads made without some of the examples say of these.

    features [S, F], best as they are before the inner steps; labels [S]. Examples of a group [S] are left out together
    (see near_copies). The only example or group of a class is never left out; None where all classes have but one, or
    there are too many examples.
    """
    held = _held_out(labels, ways, torch.arange(len(labels), device=labels.device) if groups is None else groups)
    if not held.any() or takes_long(labels, ways):
        return None
    places = held.nonzero()[:, 1]
    return Signs(held_out_scores(head, features, labels, ways, held)[held], labels[places], places)


def held_out_scores(head: Head, features: Tensor, labels: Tensor, ways: int, held: Tensor) -> Tensor:
    """Return logits [folds, S, N] by heads made without the examples that each fold leaves out, `held` [folds, S]."""
    folds = len(held)
    seen = torch.where(held, -1, labels)
    built = head.build(features.expand(folds, -1, -1), seen, torch.full((folds,), ways, device=labels.device))
    return torch.matmul(features, built[HEAD_WEIGHT].mT) + built[HEAD_BIAS].unsqueeze(1)


def takes_long(labels: Tensor, ways: int) -> bool:
    """Say whether there are too many examples to leave any out."""
    return len(labels) ** 2 * ways > MOST_WORK


def places(labels: Tensor, ways: int) -> Tensor:
    """Return each example's number within its class [S], from 0."""
    members = one_hot(labels, ways)
    return (members.cumsum(dim=0) - members).gather(1, labels.unsqueeze(1)).squeeze(1)


def _held_out(labels: Tensor, ways: int, groups: Tensor) -> Tensor:
    """Which examples [folds, S] each fold leaves out."""
    own = torch.arange(len(labels), device=labels.device)
    firsts = groups == own
    several = torch.bincount(labels[firsts], minlength=ways)[labels] > 1
    if len(labels) <= ONE_BY_ONE:
        return (groups == own[firsts][:, None]) & several
    number = torch.zeros_like(labels)
    number[firsts] = places(labels[firsts], ways)
    return (number[groups] % FOLDS == torch.arange(FOLDS, device=labels.device)[:, None]) & several
