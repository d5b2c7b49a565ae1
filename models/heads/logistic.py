"""A head that is solved anew before each inner step."""

from collections.abc import Mapping
from typing import Literal

import torch
from pydantic import Field, PositiveFloat
from torch import Tensor

from models.heads.interface import Head, HeadGradient
from models.heads.linear import HEAD, HEAD_BIAS, HEAD_WEIGHT, logits, task_losses
from models.heads.logistic_regression import LogisticRegression
from models.heads.rectification import rectified
from models.inner_loop import by_autograd
from models.networks.interface import Network
from models.parameters import Parameters
from models.parts import register
from models.tasks import TaskBatch

MANY = 5
"""Classes from which on weaker penalties are better: validation domains of 20 classes gain half a point."""


@register
class LogisticHead(Head):
    """Logistic regression on the features as they are at each step (Lee et al. 2019: a convex solver as the head).

    The features learn against the best classifier of the support set that they allow, not against one that lags behind.
    The head itself takes no steps.
    """

    type: Literal["logistic"] = "logistic"
    penalty: PositiveFloat = Field(
        default=1e-3, description="of the squared weights, for up to 5 classes; with more it falls as 5 / N"
    )

    def moment_shapes(self, features: int) -> Mapping[str, tuple[int, ...]]:
        """None: it takes no steps."""
        return {}

    def start(self, network: Network, parameters: Parameters, support: TaskBatch) -> Parameters:
        """Nothing: the first step solves it."""
        return {}

    def build(self, features: Tensor, labels: Tensor, ways: Tensor) -> Parameters:
        """See Head."""
        return _weights(self.problem(labels, ways).fit(features))

    def problem(self, labels: Tensor, ways: Tensor) -> LogisticRegression:
        """Return what is solved for labels [T, S] (−1 where padded) and ways [T]."""
        return LogisticRegression.of(labels, ways, self.penalty * (MANY / ways).clamp_max(1))

    def gradient(self, network: Network, device: torch.device) -> HeadGradient:
        """Return the gradient of the network's parameters under the solved head."""
        return _SolvedGradient(self, network)

    def conclude(self, features: Tensor, support: TaskBatch) -> Parameters:
        """Solve it once more, for the features after the last step."""
        return self.build(features, support.labels, support.ways)

    def together(self, scores: Tensor, features: Tensor, batch: TaskBatch) -> Tensor:
        """See Head: moved by what the queries look like."""
        return rectified(scores, features, batch)


class _SolvedGradient(HeadGradient):
    """See LogisticHead. The first call keeps its features."""

    def __init__(self, head: LogisticHead, network: Network) -> None:
        super().__init__(by_autograd(self._loss))
        self._head, self._network = head, network
        self._batch: TaskBatch | None = None

    def __call__(self, parameters: Parameters, batch: TaskBatch) -> tuple[Tensor, Parameters]:
        """Return each task's loss [T] and the gradients of the network's parameters."""
        return self.gradient({name: tensor for name, tensor in parameters.items() if name not in HEAD}, batch)

    def _loss(self, parameters: Parameters, batch: TaskBatch) -> Tensor:
        features, _ = self._network(parameters, batch.x, batch.weights)
        if self.first_features is None:
            self.first_features = features.detach()
        if batch is not self._batch:  # steps mostly take the same one
            self._batch, self._problem = batch, self._head.problem(batch.labels, batch.ways)
        return task_losses(logits(_weights(self._problem.fit(features.detach())), features), batch)


def _weights(weight: Tensor) -> Parameters:
    return {HEAD_WEIGHT: weight, HEAD_BIAS: weight.new_zeros(weight.shape[:2])}
