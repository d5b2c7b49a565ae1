"""What a head is to the rest: the last, linear layer, and how its weights come to be for a task."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from models.errors import SupportError
from models.export.graph import Graph
from models.heads.linear import HEAD_BIAS, HEAD_WEIGHT, logits, task_losses
from models.inner_loop import Gradient, by_autograd
from models.networks.interface import Network
from models.parameters import Parameters
from models.parts import Part
from models.tasks import HeldOutBatch, Support, TaskBatch


@dataclass
class HeadGradient:
    """The gradient of the cross-entropy under a head, for the steps of one inner loop."""

    gradient: Gradient[TaskBatch]
    first_features: Tensor | None = None
    """The features [T, B, F] before the first step; None before it, or where the gradient doesn't keep them."""

    def __call__(self, parameters: Parameters, batch: TaskBatch) -> tuple[Tensor, Parameters]:
        """Return each task's loss [T] and the gradients of all that steps."""
        return self.gradient(parameters, batch)


class Head(Part, ABC):
    """A linear layer from features to classes. Here its weights take the inner steps with the network's.

    A head that is made for each task knows any number of classes, in any order. The optimizer's state of such a head is
    one class's worth, shared by all classes.
    """

    output: ClassVar[str] = "probabilities"
    """Name of what an exported model gives."""

    @property
    def fixed_ways(self) -> int | None:
        """The number of classes, where it has to be this one."""
        return None

    @property
    def targets(self) -> int:
        """How many numbers it estimates of each example; 0 for a head that tells classes apart."""
        return 0

    def check(self, ways: int) -> None:
        """Raise SupportError for a number of classes that it cannot tell apart."""
        if ways < 2:
            raise SupportError("A classifier needs at least 2 classes; add images of another class.")

    def shapes(self, features: int) -> Mapping[str, tuple[int, ...]]:
        """Name its part of theta and its shapes, for feature vectors of this length: here it has none."""
        return {}

    def moment_shapes(self, features: int) -> Mapping[str, tuple[int, ...]]:
        """Name its part of the second moment v and its shapes: here one class's."""
        return {HEAD_WEIGHT: (1, features), HEAD_BIAS: (1,)}

    def initialize(self, features: int, generator: torch.Generator) -> Parameters:
        """Return fresh parameters of `shapes`."""
        return {}

    def start(self, network: Network, parameters: Parameters, support: TaskBatch) -> Parameters:
        """Return each task's head before the first step, where theta has none."""
        features, _ = network(parameters, support.x, support.weights)
        return self.build(features, support.labels, support.ways)

    @abstractmethod
    def build(self, features: Tensor, labels: Tensor, ways: Tensor) -> Parameters:
        """Make a head for each task, from features [T, S, F], labels [T, S] (−1 where padded) and ways [T]."""

    def loss(self, network: Network, parameters: Parameters, batch: TaskBatch) -> Tensor:
        """Return each task's mean cross-entropy [T], with the batch's own batch-norm statistics."""
        features, _ = network(parameters, batch.x, batch.weights)
        return task_losses(logits(parameters, features), batch)

    def gradient(self, network: Network, device: torch.device) -> HeadGradient:
        """Return the gradient for the steps of one inner loop."""
        return HeadGradient(network.gradient(device) or by_autograd(partial(self.loss, network)))

    def held_out_loss(self, network: Network, parameters: Parameters, batch: HeldOutBatch) -> Tensor:
        """Return each task's mean cross-entropy [T] of its query under a head made of its support set, held fixed.

        For networks in which no example changes another's features.
        """
        known, asked = batch.support, batch.query
        features, _ = network(parameters, torch.cat([known.x, asked.x], dim=1))
        count = known.x.shape[1]
        head = self.build(features[:, :count].detach(), known.labels, known.ways)
        return task_losses(logits(head, features[:, count:]), asked)

    def conclude(self, features: Tensor, support: TaskBatch) -> Parameters:
        """Return what of the head is made after the last step, from features [T, S, F]: here nothing."""
        return {}

    def answers(self, scores: Tensor) -> Tensor:
        """Return what it says by logits [..., N] at the model's temperature: here probabilities."""
        return scores.softmax(dim=-1)

    def losses(self, scores: Tensor, support: Support) -> Tensor:
        """Return the loss of each support example [S], from its logits [S, N]: here the cross-entropy."""
        return cross_entropy(scores, support.labels.to(scores.device), reduction="none")

    def fit(self, scores: Tensor, support: Support) -> float:
        """Return how well a model answers of its support set, 0 to 1: here the share of examples that are right."""
        return float((scores.argmax(dim=1) == support.labels.to(scores.device)).double().mean())

    def add_to(self, graph: Graph, scores: str) -> str:
        """Add what `answers` computes to an ONNX graph; return the name of its output, which is `output`."""
        return graph.add("Softmax", scores, output=self.output, axis=1)

    def together(self, scores: Tensor, features: Tensor, batch: TaskBatch) -> Tensor:
        """Return the logits [T, Q, N] of queries that are classified together, from masked ones of each alone.

        Here they are the same: what there is to learn from the queries is in the network's batch statistics.
        """
        return scores
