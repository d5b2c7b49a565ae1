"""Multinomial logistic regression of few examples in many dimensions, for T tasks at once."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from models.heads.subsets import balanced_subsets, needs_subsets
from models.tasks import class_weights

PENALTY = 1e-3
ITERATIONS = 80
MOMENTUM = 0.85
"""At most: with more, the last iterations swing around the minimum."""
FEW = 10**7
"""Multiplications of an iteration up to which a second thread costs more, to be woken at each operation, than it helps:
five classes of five examples take 3 ms on one thread and 37 on two that sleep in between."""


def fit_logistic(features: Tensor, labels: Tensor, ways: Tensor, penalty: float | Tensor = PENALTY) -> Tensor:
    """Return the weights W [T, N, F] that minimise the mean cross-entropy over classes plus penalty / 2 · ‖W‖².

    features [T, S, F]; labels [T, S], negative for padding; N is the largest of `ways` [T], and the rows of classes
    that a task lacks are 0; `penalty` may be each task's own [T]. Where some classes have many more examples than
    others, it is the mean of the weights for `balanced_subsets`. The minimum is a combination of the features,
    W = A·features (the representer theorem), so the search runs over its coefficients A [T, N, S] and costs S² · N an
    iteration, however large F is.
    """
    kernel = torch.bmm(features, features.mT)
    penalties = torch.as_tensor(penalty, dtype=kernel.dtype, device=kernel.device).expand(len(kernel))
    coefficients = _fit(kernel, labels, ways, penalties)
    uneven = needs_subsets(labels, ways)
    if uneven.any():
        subsets = balanced_subsets(features[uneven], labels[uneven], ways[uneven])
        fitted = _fit_subsets(kernel[uneven], subsets, ways[uneven], penalties[uneven])
        coefficients[uneven, : fitted.shape[1]] = fitted
    return torch.bmm(coefficients, features)


def _fit_subsets(kernel: Tensor, subsets: Tensor, ways: Tensor, penalties: Tensor) -> Tensor:
    """Return the mean coefficients [T, N, S] of fits to each task's subsets, labels [T, M, S]."""
    tasks, heads, examples = subsets.shape
    taken = int((subsets >= 0).sum(dim=2).max())
    indices = subsets.argsort(dim=2, descending=True)[..., :taken].flatten(0, 1)  # what is left out comes last
    of_task = torch.arange(tasks, device=kernel.device).repeat_interleave(heads)[:, None, None]
    own = kernel[of_task, indices.unsqueeze(2), indices.unsqueeze(1)]
    labels = subsets.flatten(0, 1).gather(1, indices)
    fitted = _fit(own, labels, ways.repeat_interleave(heads), penalties.repeat_interleave(heads))
    spread = kernel.new_zeros(*fitted.shape[:2], examples)
    spread.scatter_add_(2, indices.unsqueeze(1).expand_as(fitted), fitted)
    return spread.view(tasks, heads, *spread.shape[1:]).mean(dim=1)


def _fit(kernel: Tensor, labels: Tensor, ways: Tensor, penalties: Tensor) -> Tensor:
    """Return the coefficients A [T, N, S] of the minimum, from the examples' inner products [T, S, S]."""
    real = (labels >= 0).to(kernel.dtype)
    shares = class_weights(labels, int(ways.max())).to(kernel.dtype) / real.sum(dim=1, keepdim=True).clamp_min(1)
    with _threads(1 if kernel.numel() * int(ways.max()) <= FEW else torch.get_num_threads()):
        return _accelerated_descent(kernel, labels, ways, shares, penalties.view(-1, 1, 1))


def _accelerated_descent(kernel: Tensor, labels: Tensor, ways: Tensor, shares: Tensor, penalty: Tensor) -> Tensor:
    """Return the coefficients A [T, N, S], by Nesterov's accelerated descent (Nesterov 1983) from 0.

    kernel K [T, S, S] holds the examples' inner products, shares s [T, S] their weights in the mean, penalty λ
    [T, 1, 1] its weights. No Hessian of the loss exceeds that of probabilities of a half each (Böhning 1992), of which
    M = (λ + K · diag(s) / 2)⁻¹ is the inverse, so steps by it never go too far, and few are needed, as penalties are
    small. With P the class probabilities and Y the one-hot labels, iteration i is

        A' = B − ((P(B) − Y) · s + λ · B) · M,    B' = A' + min(i / (i + 3), MOMENTUM) · (A' − A).

    Classes lie before examples in memory: the softmax over them is then several times faster.
    """
    most = int(ways.max())
    absent = (torch.arange(most, device=ways.device) >= ways[:, None]).unsqueeze(2)
    no_logit = kernel.new_zeros(absent.shape).masked_fill_(absent, -torch.inf)
    identity = torch.eye(kernel.shape[1], dtype=kernel.dtype, device=kernel.device)
    inverse = torch.linalg.inv(penalty * identity + kernel * shares.unsqueeze(1) / 2)
    decay, scale = identity - penalty * inverse, shares.unsqueeze(2) * -inverse
    pull = torch.bmm(one_hot(labels.clamp_min(0), most).mT.to(scale), -scale)
    point = ahead = torch.zeros_like(pull)
    for iteration in range(ITERATIONS):
        probabilities = torch.baddbmm(no_logit, ahead, kernel).softmax(dim=1)
        following = torch.baddbmm(torch.baddbmm(pull, ahead, decay), probabilities, scale)
        ahead = torch.lerp(point, following, 1 + min(iteration / (iteration + 3), MOMENTUM))
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
