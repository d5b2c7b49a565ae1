"""Multinomial logistic regression of few examples in many dimensions, for T tasks at once."""

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from models.networks.conv4.blocks.kernels import accelerated_logistic

PENALTY = 1e-3
ITERATIONS = 300
SMALL = 2**15  # multiplications of an iteration up to which dispatching torch operations costs more than the work


def fit_logistic(features: Tensor, labels: Tensor, ways: Tensor, penalty: float = PENALTY) -> Tensor:
    """Weights [T, N, F] that minimise the mean cross-entropy plus penalty / 2 · ‖W‖².

    features [T, S, F]; labels [T, S], negative for padding; N is the largest of `ways` [T], and the rows of classes
    that a task lacks are 0. The minimum lies in the span of the features: the search, by Nesterov's accelerated
    gradient in that span, costs S² · N an iteration however large F is.
    """
    kernel = torch.bmm(features, features.transpose(1, 2))
    shares = (labels >= 0).to(features.dtype)
    shares /= shares.sum(dim=1, keepdim=True).clamp_min(1)
    # The Hessian is at most half the weighted kernel's largest eigenvalue, which its rows' sums bound.
    rates = 1 / (0.5 * (kernel.abs() * shares.unsqueeze(1)).sum(dim=2).amax(dim=1) + penalty)
    small = labels.shape[1] ** 2 * int(ways.max()) <= SMALL
    search = _compiled_search if small and features.device.type == "cpu" else search_span
    point = search(kernel, labels, ways, shares, rates, penalty)
    return torch.bmm(point.transpose(1, 2), features)


def _compiled_search(
    kernel: Tensor, labels: Tensor, ways: Tensor, shares: Tensor, rates: Tensor, penalty: float
) -> Tensor:
    point = kernel.new_zeros(*labels.shape, int(ways.max()))
    given = (tensor.numpy() for tensor in (kernel, labels, ways, shares, rates))
    accelerated_logistic(*given, penalty, ITERATIONS, point.numpy())
    return point


def search_span(kernel: Tensor, labels: Tensor, ways: Tensor, shares: Tensor, rates: Tensor, penalty: float) -> Tensor:
    """The minimum's coefficients [T, S, N] of the examples, from their inner products [T, S, S]; on any device."""
    most = int(ways.max())
    absent = (torch.arange(most, device=ways.device) >= ways[:, None]).unsqueeze(1)
    targets = one_hot(labels.clamp_min(0), most).to(kernel.dtype)
    weights, steps = shares.unsqueeze(2), rates.view(-1, 1, 1)
    point = ahead = kernel.new_zeros(*labels.shape, most)
    for iteration in range(ITERATIONS):
        probabilities = torch.bmm(kernel, ahead).masked_fill(absent, -torch.inf).softmax(dim=2)
        following = ahead - steps * ((probabilities - targets) * weights + penalty * ahead)
        ahead = following + iteration / (iteration + 3) * (following - point)
        point = following
    return point
