"""How much an example looks like those that a model was adapted to."""

import torch
from torch import Tensor
from torch.nn.functional import normalize, one_hot

MEANS = "class.means"
"""Name of the class means among an adapted model's tensors."""


def class_means(features: Tensor, labels: Tensor, ways: int) -> Tensor:
    """Return each class's mean feature vector, at length 1: [T, N, F] of features [T, S, F] and labels [T, S]."""
    members = one_hot(labels + 1, ways + 1)[..., 1:].to(features.dtype).transpose(1, 2)
    return normalize(torch.bmm(members, features), dim=2)


def familiarity(features: Tensor, means: Tensor) -> Tensor:
    """Return the largest cosine [T, Q] of features [T, Q, F] of length 1 with a class mean [T, N, F]."""
    return torch.bmm(features, means.mT).amax(dim=2)
