"""Cross-validation within a support set: heads that are made without some of its examples are asked about these."""

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


def held_out_probability(head: Head, features: Tensor, labels: Tensor, ways: int) -> float | None:
    """Return the mean probability of an example's own class, by heads made without it.

    features [S, F], best as they are before the inner steps; labels [S]. The only example of a class is never left out;
    None where all classes have but one, or there are too many examples.
    """
    held = _held_out(labels, ways)
    if not held.any() or takes_long(labels, ways):
        return None
    probabilities = (held_out_scores(head, features, labels, ways, held) / TEMPERATURE).softmax(dim=2)
    own = probabilities.gather(2, labels.expand(len(held), -1).unsqueeze(2)).squeeze(2)
    return float(own[held].mean())


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


def _held_out(labels: Tensor, ways: int) -> Tensor:
    """Which examples [folds, S] each fold leaves out."""
    count = len(labels)
    several = torch.bincount(labels, minlength=ways)[labels] > 1
    if count <= ONE_BY_ONE:
        return torch.eye(count, dtype=torch.bool, device=labels.device) & several
    return (places(labels, ways) % FOLDS == torch.arange(FOLDS, device=labels.device)[:, None]) & several
