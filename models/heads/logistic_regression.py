"""Multinomial logistic regression of few examples in many dimensions, for T tasks at once."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor
from torch.nn.functional import one_hot

PENALTY = 1e-3
ITERATIONS = 300
FEW = 10**7
"""Multiplications of an iteration up to which a second thread costs more, to be woken at each operation, than it helps:
five classes of five examples take 3 ms on one thread and 37 on two that sleep in between."""


def fit_logistic(features: Tensor, labels: Tensor, ways: Tensor, penalty: float = PENALTY) -> Tensor:
    """Return the weights W [T, N, F] that minimise the mean cross-entropy plus penalty / 2 · ‖W‖².

    features [T, S, F]; labels [T, S], negative for padding; N is the largest of `ways` [T], and the rows of classes
    that a task lacks are 0. The minimum is a combination of the features, W = A·features (the representer theorem), so
    the search runs over its coefficients A [T, N, S] and costs S² · N an iteration, however large F is.
    """
    kernel = torch.bmm(features, features.mT)
    real = (labels >= 0).to(features.dtype)
    shares = real / real.sum(dim=1, keepdim=True).clamp_min(1)
    # The Hessian is at most half the weighted kernel's largest eigenvalue, which is bounded by the sums of real rows.
    sums = (kernel.abs() * shares.unsqueeze(1)).sum(dim=2) * real
    rates = 1 / (0.5 * sums.amax(dim=1) + penalty)
    with _threads(1 if kernel.numel() * int(ways.max()) <= FEW else torch.get_num_threads()):
        coefficients = _accelerated_descent(kernel, labels, ways, shares.unsqueeze(1), rates.view(-1, 1, 1), penalty)
    return torch.bmm(coefficients, features)


def _accelerated_descent(
    kernel: Tensor, labels: Tensor, ways: Tensor, shares: Tensor, rates: Tensor, penalty: float
) -> Tensor:
    """Return the coefficients A [T, N, S], by Nesterov's accelerated gradient (Nesterov 1983) from 0.

    kernel [T, S, S] holds the examples' inner products, shares [T, 1, S] their weights in the mean, rates [T, 1, 1] the
    step sizes α. With P the class probabilities and Y the one-hot labels, iteration i is

        A' = B − α · ((P(B) − Y) · shares + penalty · B),    B' = A' + i / (i + 3) · (A' − A).

    Classes lie before examples in memory: the softmax over them is then several times faster.
    """
    most = int(ways.max())
    absent = (torch.arange(most, device=ways.device) >= ways[:, None]).unsqueeze(2)
    no_logit = kernel.new_zeros(absent.shape).masked_fill_(absent, -torch.inf)
    scale, decay = -rates * shares, 1 - rates * penalty
    pull = (one_hot(labels.clamp_min(0), most).mT * -scale).contiguous()
    point = ahead = torch.zeros_like(pull)
    for iteration in range(ITERATIONS):
        probabilities = torch.baddbmm(no_logit, ahead, kernel).softmax(dim=1)
        following = torch.addcmul(pull, ahead, decay).addcmul_(probabilities, scale)
        ahead = torch.lerp(point, following, 1 + iteration / (iteration + 3))
        point = following
    return point


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """Compute with so many threads of a CPU; for the calling thread, as OpenMP keeps the number of each."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
