"""What a support set says of the model to come of it: the accuracy to expect, and what its classes look like."""

import torch
from torch import Tensor
from torch.nn.functional import normalize, one_hot

from models.heads import HEAD_WEIGHT, Head
from models.metadata import CalibrationSpec

ONE_BY_ONE = 30
"""Most images that are left out one by one; of more, which would take long, a fifth at a time."""
FOLDS = 5
MOST_WORK = 2 * 10**7
"""Images² × classes beyond which nothing is left out: it would take many seconds."""
LINEAR_FROM = 0.4  # lower probabilities were not among those that the calibration was fitted to
TEMPERATURE = 0.35
"""Of the probabilities: sharper than scores are, it tells more of how many images will be right."""


def held_out_probability(head: Head, features: Tensor, labels: Tensor, ways: int) -> float | None:
    """Mean probability of an image's own class, by heads built without it: cross-validation.

    features [S, F] as they are before the inner steps; labels [S]. The one image of a class is never left out; None
    where all classes have but one, or there are too many images.
    """
    held = _held_out(labels, ways)
    if not held.any() or len(labels) ** 2 * ways > MOST_WORK:
        return None
    folds = len(held)
    seen = torch.where(held, -1, labels)
    built = head.build(features.expand(folds, -1, -1), seen, torch.full((folds,), ways, device=labels.device))
    probabilities = (torch.matmul(features, built[HEAD_WEIGHT].mT) / TEMPERATURE).softmax(dim=2)
    own = probabilities.gather(2, labels.expand(folds, -1).unsqueeze(2)).squeeze(2)
    return float(own[held].mean())


def expected_accuracy(held_out: float, ways: int, calibration: CalibrationSpec) -> float:
    """Of new images: linear in the held-out probability, as fitted where that is not small; below, down to chance."""
    chance = 1 / ways
    if held_out >= LINEAR_FROM or chance >= LINEAR_FROM:
        return min(1.0, max(chance, calibration.slope * held_out + calibration.offset))
    top = calibration.slope * LINEAR_FROM + calibration.offset
    return chance + (top - chance) * max(0.0, held_out - chance) / (LINEAR_FROM - chance)


def has_pairs(labels: Tensor) -> bool:
    """Whether any class has two images, so that one can be left out."""
    return bool(torch.bincount(labels).amax() > 1)


def _held_out(labels: Tensor, ways: int) -> Tensor:
    """Which images [folds, S] each fold leaves out."""
    count = len(labels)
    several = torch.bincount(labels, minlength=ways)[labels] > 1
    if count <= ONE_BY_ONE:
        return torch.eye(count, dtype=torch.bool, device=labels.device) & several
    members = one_hot(labels, ways)
    places = (members.cumsum(dim=0) - members).gather(1, labels.unsqueeze(1)).squeeze(1)  # within their classes
    return (places % FOLDS == torch.arange(FOLDS, device=labels.device)[:, None]) & several


def class_means(features: Tensor, labels: Tensor, ways: int) -> Tensor:
    """Each class's mean feature vector, at length 1: [T, N, F] of features [T, S, F] and labels [T, S]."""
    members = one_hot(labels + 1, ways + 1)[..., 1:].to(features.dtype).transpose(1, 2)
    return normalize(torch.bmm(members, features), dim=2)
