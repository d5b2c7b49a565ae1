"""What a support set says of the model to come of it: the accuracy to expect, and what its classes look like."""

import torch
from torch import Tensor
from torch.nn.functional import normalize, one_hot

from models.heads.heads import HEAD_WEIGHT, Head
from models.metadata import CalibrationSpec

ONE_BY_ONE = 30
"""Most images that are left out one by one; of more, which would take long, a fifth at a time."""
FOLDS = 5
MOST_WORK = 2 * 10**7
"""Images² × classes beyond which nothing is left out: it would take many seconds."""
LINEAR_FROM = 0.4  # lower probabilities were not among those that the calibration was fitted to
TURNS = 2
"""How often the images that a learning curve's heads are made of are chosen anew."""
TEMPERATURE = 0.35
"""Of the probabilities: sharper than scores are, it tells more of how many images will be right."""


def held_out_probability(head: Head, features: Tensor, labels: Tensor, ways: int) -> float | None:
    """Mean probability of an image's own class, by heads built without it: cross-validation.

    features [S, F] as they are before the inner steps; labels [S]. The one image of a class is never left out; None
    where all classes have but one, or there are too many images.
    """
    held = _held_out(labels, ways)
    if not held.any() or _takes_long(labels, ways):
        return None
    probabilities = (_scores(head, features, labels, ways, held) / TEMPERATURE).softmax(dim=2)
    own = probabilities.gather(2, labels.expand(len(held), -1).unsqueeze(2)).squeeze(2)
    return float(own[held].mean())


def learning_curve(head: Head, features: Tensor, labels: Tensor, ways: int) -> list[tuple[int, float]]:
    """How good heads of fewer images are: (images of each class, share of all other images they get right).

    Of 1, 2, 4, ... images a class, below those of the smallest class; as `held_out_probability` else.
    """
    shots = torch.bincount(labels, minlength=ways)
    sizes = [2**power for power in range(int(shots.amin())) if 2**power < int(shots.amin())]
    if not sizes or _takes_long(labels, ways):
        return []
    chosen = torch.tensor([[size, turn * size] for size in sizes for turn in range(TURNS)], device=labels.device)
    held = (_places(labels, ways) - chosen[:, 1:]) % shots[labels] >= chosen[:, :1]
    right = (_scores(head, features, labels, ways, held).argmax(dim=2) == labels) & held
    shares = right.view(len(sizes), -1).sum(dim=1) / held.view(len(sizes), -1).sum(dim=1)
    return list(zip(sizes, shares.tolist(), strict=True))


def expected_accuracy(held_out: float, ways: int, calibration: CalibrationSpec) -> float:
    """Of new images: linear in the held-out probability, as fitted where that is not small; below, down to chance."""
    chance = 1 / ways
    if held_out >= LINEAR_FROM or chance >= LINEAR_FROM:
        return min(1.0, max(chance, calibration.slope * held_out + calibration.offset))
    top = calibration.slope * LINEAR_FROM + calibration.offset
    return chance + (top - chance) * max(0.0, held_out - chance) / (LINEAR_FROM - chance)


def _takes_long(labels: Tensor, ways: int) -> bool:
    return len(labels) ** 2 * ways > MOST_WORK


def _scores(head: Head, features: Tensor, labels: Tensor, ways: int, held: Tensor) -> Tensor:
    """Logits [folds, S, N] of heads built without the images that each fold leaves out: `held` [folds, S]."""
    folds = len(held)
    seen = torch.where(held, -1, labels)
    built = head.build(features.expand(folds, -1, -1), seen, torch.full((folds,), ways, device=labels.device))
    return torch.matmul(features, built[HEAD_WEIGHT].mT)


def _held_out(labels: Tensor, ways: int) -> Tensor:
    """Which images [folds, S] each fold leaves out."""
    count = len(labels)
    several = torch.bincount(labels, minlength=ways)[labels] > 1
    if count <= ONE_BY_ONE:
        return torch.eye(count, dtype=torch.bool, device=labels.device) & several
    return (_places(labels, ways) % FOLDS == torch.arange(FOLDS, device=labels.device)[:, None]) & several


def _places(labels: Tensor, ways: int) -> Tensor:
    """Each image's number within its class [S], from 0."""
    members = one_hot(labels, ways)
    return (members.cumsum(dim=0) - members).gather(1, labels.unsqueeze(1)).squeeze(1)


def class_means(features: Tensor, labels: Tensor, ways: int) -> Tensor:
    """Each class's mean feature vector, at length 1: [T, N, F] of features [T, S, F] and labels [T, S]."""
    members = one_hot(labels + 1, ways + 1)[..., 1:].to(features.dtype).transpose(1, 2)
    return normalize(torch.bmm(members, features), dim=2)
