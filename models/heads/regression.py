"""A head that estimates numbers."""

import math
from functools import partial
from typing import ClassVar, Literal

import numpy as np
import torch
from pydantic import Field, FiniteFloat, PositiveFloat
from torch import Tensor

from models.errors import SupportError
from models.export.graph import Graph
from models.heads.interface import Head, HeadGradient
from models.heads.linear import HEAD_BIAS, HEAD_WEIGHT, logits
from models.inner_loop import by_autograd
from models.inputs.vector import standardized
from models.networks.interface import Network
from models.parameters import Parameters
from models.parts import register
from models.tasks import Support, TaskBatch


@register
class RegressionHead(Head):
    """A linear layer of theta whose outputs are estimates; its loss is the mean squared error (paper, section 5.1).

    Losses are of (target − mean) / scale, so that targets of different units count alike.
    """

    output: ClassVar[str] = "values"
    type: Literal["regression"] = "regression"
    outputs: int = Field(ge=1)
    mean: tuple[FiniteFloat, ...] = ()
    """Of each target over the training tasks; () for 0."""
    scale: tuple[PositiveFloat, ...] = ()
    """Standard deviations of the same; () for 1."""

    @property
    def targets(self) -> int:
        """Its outputs."""
        return self.outputs

    def check(self, ways: int) -> None:
        """Raise SupportError for another number of targets than its own."""
        if ways != self.outputs:
            raise SupportError(f"The checkpoint estimates {self.outputs} targets, and there are {ways}.")

    def shapes(self, features: int) -> dict[str, tuple[int, ...]]:
        """See Head."""
        return {HEAD_WEIGHT: (self.outputs, features), HEAD_BIAS: (self.outputs,)}

    def moment_shapes(self, features: int) -> dict[str, tuple[int, ...]]:
        """As theta's."""
        return self.shapes(features)

    def initialize(self, features: int, generator: torch.Generator) -> Parameters:
        """Return weights and biases uniform within 1/√fan-in, as torch.nn.Linear has them."""
        bound = 1 / math.sqrt(features)
        shapes = self.shapes(features).items()
        return {name: torch.empty(shape).uniform_(-bound, bound, generator=generator) for name, shape in shapes}

    def start(self, network: Network, parameters: Parameters, support: TaskBatch) -> Parameters:
        """Nothing: theta has it."""
        return {}

    def build(self, features: Tensor, labels: Tensor, ways: Tensor) -> Parameters:
        """Nothing: it is learned, not made of a support set."""
        return {}

    def loss(self, network: Network, parameters: Parameters, batch: TaskBatch) -> Tensor:
        """Return each task's mean squared error [T]."""
        features, _ = network(parameters, batch.x, batch.weights)
        losses = self._errors(logits(parameters, features), batch.targets).mean(dim=2)
        return losses.mean(dim=1) if batch.weights is None else (losses * batch.weights).sum(1) / batch.weights.sum(1)

    def gradient(self, network: Network, device: torch.device) -> HeadGradient:
        """By autograd: a network's own gradient is of the cross-entropy."""
        return HeadGradient(by_autograd(partial(self.loss, network)))

    def answers(self, scores: Tensor) -> Tensor:
        """Return estimates [..., D] in the targets' units."""
        scores = scores * scores.new_tensor(self.scale) if self.scale else scores
        return scores + scores.new_tensor(self.mean) if self.mean else scores

    def losses(self, scores: Tensor, support: Support) -> Tensor:
        """Return the mean squared error of each example [S]."""
        return self._errors(scores, support.targets).mean(dim=1)

    def fit(self, scores: Tensor, support: Support) -> float:
        """Return the share of the targets' variance that is explained, R², and 0 where none is."""
        wanted = self._standardized(support.targets, scores)
        spread = (wanted - wanted.mean(dim=0)).square().sum()
        left = (scores - wanted).square().sum()
        return max(0.0, 1 - float(left / spread)) if spread > 0 else float(left == 0)

    def add_to(self, graph: Graph, scores: str) -> str:
        """Add what `answers` computes."""
        if self.scale:
            scores = graph.add("Mul", scores, graph.constant("target.scale", np.array(self.scale, dtype=np.float32)))
        if self.mean:
            scores = graph.add("Add", scores, graph.constant("target.mean", np.array(self.mean, dtype=np.float32)))
        return graph.add("Identity", scores, output=self.output)

    def _errors(self, scores: Tensor, targets: Tensor | None) -> Tensor:
        return (scores - self._standardized(targets, scores)).square()

    def _standardized(self, targets: Tensor | None, like: Tensor) -> Tensor:
        if targets is None:
            raise SupportError("A checkpoint that estimates numbers needs `targets`; send them for each example.")
        return standardized(targets.to(like), self.mean, self.scale)
