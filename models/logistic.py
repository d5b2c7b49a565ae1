"""Multinomial logistic regression of few examples in many dimensions, for T tasks at once."""

import torch
from torch import Tensor
from torch.nn.functional import one_hot

PENALTY = 1e-3
ITERATIONS = 300


def fit_logistic(features: Tensor, labels: Tensor, ways: Tensor, penalty: float = PENALTY) -> Tensor:
    """Weights [T, N, F] that minimise the mean cross-entropy plus penalty / 2 · ‖W‖².

    features [T, S, F]; labels [T, S], negative for padding; N is the largest of `ways` [T], and the rows of classes
    that a task lacks are 0. The minimum lies in the span of the features: the search, by Nesterov's accelerated
    gradient in that span, costs S² · N an iteration however large F is.
    """
    kernel = torch.bmm(features, features.transpose(1, 2))
    real = (labels >= 0).to(features.dtype)
    shares = (real / real.sum(dim=1, keepdim=True).clamp_min(1)).unsqueeze(2)
    most = int(ways.max())
    absent = (torch.arange(most, device=ways.device) >= ways[:, None]).unsqueeze(1)
    targets = one_hot(labels.clamp_min(0), most).to(features.dtype)
    weighted = kernel * shares.transpose(1, 2)
    # The Hessian is at most half the kernel's largest eigenvalue, which a row's sum bounds.
    rate = 1 / (0.5 * weighted.abs().sum(dim=2).amax(dim=1) + penalty).view(-1, 1, 1)
    point = ahead = features.new_zeros(*labels.shape, most)
    for iteration in range(ITERATIONS):
        probabilities = torch.bmm(kernel, ahead).masked_fill(absent, -torch.inf).softmax(dim=2)
        following = ahead - rate * ((probabilities - targets) * shares + penalty * ahead)
        ahead = following + iteration / (iteration + 3) * (following - point)
        point = following
    return torch.bmm(point.transpose(1, 2), features)
