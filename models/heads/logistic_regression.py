"""Multinomial logistic regression of few examples in many dimensions, for T tasks at once."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Self

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
    that a task lacks are 0; `penalty` may be each task's own [T].
    """
    return LogisticRegression.of(labels, ways, penalty).fit(features)


@dataclass(frozen=True)
class LogisticRegression:
    """The same for one support set after another: what doesn't depend on features, so that steps needn't wait for it.

    Where some classes have many more examples than others, it is the mean of the weights for `balanced_subsets`. The
    minimum is a combination of the features, W = A·features (the representer theorem), so the search runs over its
    coefficients A [T, N, S] and costs S² · N an iteration, however large F is.
    """

    labels: Tensor
    ways: Tensor
    penalties: Tensor
    shares: Tensor
    """Of each example in the mean over classes [T, S]."""
    truth: Tensor
    """One-hot labels [T, N, S]. Classes lie before examples: the softmax over them is then several times faster."""
    absent: Tensor
    """True for classes that a task lacks [T, N, 1]."""
    uneven: Tensor | None
    """True for tasks [T] that need subsets; None where none does."""

    @classmethod
    def of(cls, labels: Tensor, ways: Tensor, penalty: float | Tensor = PENALTY) -> Self:
        """Return the problem of these labels [T, S], negative for padding, and `ways` [T]."""
        most, uneven = int(ways.max()), needs_subsets(labels, ways)
        return cls(
            labels,
            ways,
            penalties=torch.as_tensor(penalty, device=labels.device).expand(len(labels)),
            shares=class_weights(labels, most) / (labels >= 0).sum(dim=1, keepdim=True).clamp_min(1),
            truth=one_hot(labels.clamp_min(0), most).mT,
            absent=(torch.arange(most, device=ways.device) >= ways[:, None]).unsqueeze(2),
            uneven=uneven if bool(uneven.any()) else None,
        )

    def fit(self, features: Tensor) -> Tensor:
        """Return the weights W [T, N, F] for features [T, S, F]."""
        kernel = torch.bmm(features, features.mT)
        coefficients = self._coefficients(kernel)
        if self.uneven is not None:
            fitted = self._by_subsets(features, kernel, self.uneven)
            coefficients[self.uneven, : fitted.shape[1]] = fitted
        return torch.bmm(coefficients, features)

    def _by_subsets(self, features: Tensor, kernel: Tensor, chosen: Tensor) -> Tensor:
        """Return the mean coefficients [T, N, S] of fits to the chosen tasks' subsets."""
        ways, penalties = self.ways[chosen], self.penalties[chosen]
        subsets = balanced_subsets(features[chosen], self.labels[chosen], ways)
        tasks, heads, examples = subsets.shape
        taken = int((subsets >= 0).sum(dim=2).max())
        indices = subsets.argsort(dim=2, descending=True)[..., :taken].flatten(0, 1)  # what is left out comes last
        of_task = torch.arange(tasks, device=kernel.device).repeat_interleave(heads)[:, None, None]
        own = kernel[chosen][of_task, indices.unsqueeze(2), indices.unsqueeze(1)]
        labels = subsets.flatten(0, 1).gather(1, indices)
        each = LogisticRegression.of(labels, ways.repeat_interleave(heads), penalties.repeat_interleave(heads))
        fitted = each._coefficients(own)
        spread = kernel.new_zeros(*fitted.shape[:2], examples)
        spread.scatter_add_(2, indices.unsqueeze(1).expand_as(fitted), fitted)
        return spread.view(tasks, heads, *spread.shape[1:]).mean(dim=1)

    def _coefficients(self, kernel: Tensor) -> Tensor:
        """Return the coefficients A [T, N, S] of the minimum, from the examples' inner products [T, S, S]."""
        few = kernel.numel() * self.truth.shape[1] <= FEW
        with _threads(1 if few else torch.get_num_threads()):
            return self._accelerated_descent(kernel)

    def _accelerated_descent(self, kernel: Tensor) -> Tensor:
        """Return the same, by Nesterov's accelerated descent (Nesterov 1983) from 0.

        kernel K [T, S, S] holds the examples' inner products, shares s [T, S] their weights in the mean, penalty λ
        [T, 1, 1] its weights. No Hessian of the loss exceeds that of probabilities of a half each (Böhning 1992), of
        which M = (λ + K · diag(s) / 2)⁻¹ is the inverse, so steps by it never go too far, and few are needed, as
        penalties are small. With P the class probabilities and Y the one-hot labels, iteration i is

            A' = B − ((P(B) − Y) · s + λ · B) · M,    B' = A' + min(i / (i + 3), MOMENTUM) · (A' − A).
        """
        shares, penalty = self.shares.to(kernel), self.penalties.to(kernel).view(-1, 1, 1)
        no_logit = kernel.new_zeros(self.absent.shape).masked_fill_(self.absent, -torch.inf)
        identity = torch.eye(kernel.shape[1], dtype=kernel.dtype, device=kernel.device)
        inverse = _inverses(penalty * identity + kernel * shares.unsqueeze(1) / 2)
        decay, scale = identity - penalty * inverse, shares.unsqueeze(2) * -inverse
        pull = torch.bmm(self.truth.to(scale), -scale)
        point = ahead = torch.zeros_like(pull)
        for iteration in range(ITERATIONS):
            probabilities = torch.baddbmm(no_logit, ahead, kernel).softmax(dim=1)
            following = torch.baddbmm(torch.baddbmm(pull, ahead, decay), probabilities, scale)
            ahead = torch.lerp(point, following, 1 + min(iteration / (iteration + 3), MOMENTUM))
            point = following
        return point


def _inverses(matrices: Tensor) -> Tensor:
    """Return the inverse of each matrix [T, S, S]; on several threads of a CPU, of one after another.

    There, from some 150 rows on, MKL factors several matrices at once with pivots that are none, which torch 2.13 takes
    for an error.
    """
    if matrices.device.type == "cpu" and torch.get_num_threads() > 1:
        return torch.stack([torch.linalg.inv(each) for each in matrices])
    # All can be inverted, and to look whether they were, a GPU's host would wait.
    together: Tensor = torch.linalg.inv_ex(matrices).inverse
    return together


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """Compute with so many threads of a CPU; for the calling thread, as OpenMP keeps the number of each."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
