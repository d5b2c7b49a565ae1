"""What a support set says of the model to come of it: the accuracy to expect, and what its classes look like."""

import torch
from torch import Tensor
from torch.nn.functional import normalize, one_hot

from models.heads import HEAD_WEIGHT, Head

FOLDS = 5


def held_out_probability(head: Head, features: Tensor, labels: Tensor, ways: int, temperature: float) -> float | None:
    """Mean probability of an image's own class, by heads built without it: 5-fold cross-validation.

    features [S, F] as they are before the inner steps; labels [S]. Classes of one image are in every fold; None where
    all are.
    """
    places = _places_in_class(labels, ways)
    shots = torch.bincount(labels, minlength=ways)
    folds = min(FOLDS, int(shots.max()))
    if folds < 2:
        return None
    held = (places % folds == torch.arange(folds, device=labels.device)[:, None]) & (shots[labels] > 1)
    seen = torch.where(held, -1, labels)
    built = head.build(features.expand(folds, -1, -1), seen, torch.full((folds,), ways, device=labels.device))
    scores = torch.matmul(features, built[HEAD_WEIGHT].transpose(1, 2)) / temperature
    own = scores.softmax(dim=2).gather(2, labels.expand(folds, -1).unsqueeze(2)).squeeze(2)
    return float(own[held].mean())


def class_means(features: Tensor, labels: Tensor, ways: int) -> Tensor:
    """Each class's mean feature vector, at length 1: [T, N, F] of features [T, S, F] and labels [T, S]."""
    members = one_hot(labels + 1, ways + 1)[..., 1:].to(features.dtype).transpose(1, 2)
    return normalize(torch.bmm(members, features), dim=2)


def _places_in_class(labels: Tensor, ways: int) -> Tensor:
    """How many images of its class come before each."""
    members = one_hot(labels, ways)
    return (members.cumsum(dim=0) - members).gather(1, labels.unsqueeze(1)).squeeze(1)
