"""Multinomial logistic regression of many examples and many classes, by L-BFGS."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from models.large_sets.directions import Directions

BLOCK = 4096
HISTORY = 10
CURVATURE = 0.02
"""About p · (1 − p) of a class among many: the loss's curvature is this times the examples' second moment."""


@dataclass(frozen=True)
class Examples:
    """Coordinates z [S, D] in directions, labels [S], and what each example counts [S]: 1 in all, 0 if left out."""

    z: Tensor
    labels: Tensor
    weights: Tensor
    ways: int
    directions: Directions

    def least_squares(self, penalty: float) -> Tensor:
        """Return the weights W [N, D] that come nearest to one-hot labels: at once, and a good start for `fit`."""
        own = self.weights[:, None] * self.z
        sums = torch.zeros(self.ways, self.z.shape[1]).index_add_(0, self.labels, own)
        shares = torch.zeros(self.ways).index_add_(0, self.labels, self.weights)
        centred = sums - shares[:, None] * own.sum(dim=0)
        return centred / (self.directions.variances + penalty * self.directions.total)

    def fit(self, start: Tensor, penalty: float, iterations: int) -> Tensor:
        """Return the weights W [N, D] that minimise Σ weight · cross-entropy + penalty / 2 · C · ‖W‖².

        C is the examples' mean square. Each direction is scaled by the loss's curvature there, so that few iterations
        are needed from `start` on.
        """
        decay = penalty * self.directions.total
        scale = (decay + CURVATURE * self.directions.variances).rsqrt()
        scaled = (start / scale).requires_grad_()
        optimizer = torch.optim.LBFGS(
            [scaled], max_iter=iterations, history_size=HISTORY, line_search_fn="strong_wolfe", tolerance_change=1e-7
        )

        def closure() -> Tensor:
            weight = scaled.detach() * scale
            loss, gradient = self._loss(weight)
            scaled.grad = (gradient + decay * weight) * scale
            return loss + decay / 2 * weight.square().sum()

        optimizer.step(closure)  # type: ignore[no-untyped-call]
        return scaled.detach() * scale

    def _loss(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        """Return Σ weight · cross-entropy, and its gradient [N, D]."""
        total, gradient = torch.zeros(()), torch.zeros_like(weight)
        for first in range(0, len(self.z), BLOCK):
            part = slice(first, first + BLOCK)
            z, labels, counts = self.z[part], self.labels[part, None], self.weights[part, None]
            logarithms = (z @ weight.T).log_softmax(dim=1)
            total -= (counts * logarithms.gather(1, labels)).sum()
            off = logarithms.exp_().scatter_add_(1, labels, torch.full_like(counts, -1)).mul_(counts)
            gradient.addmm_(off.T, z)
        return total, gradient
