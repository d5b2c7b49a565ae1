"""The last layer: how its weights come to be for a task, and its logits.

The weights of a task's head are [T, N, F] and [T, N], and take the inner steps with the rest, unless
the head is solved anew before each. Order-free heads are
rebuilt for every task, so they know any N and no order of the labels; the fixed head is part of the
meta-initialization. Optimizer state of a rebuilt head is one class's worth, shared by all classes.
"""

from dataclasses import dataclass
from typing import ClassVar, Protocol

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from models.heads.logistic_regression import fit_logistic
from models.parameters import Parameters

HEAD_WEIGHT, HEAD_BIAS = "head.weight", "head.bias"
HEAD = (HEAD_WEIGHT, HEAD_BIAS)


class Head(Protocol):
    """How a head starts. `features` is the length F of a feature vector."""

    reads_support: ClassVar[bool]  # whether the head is built from the support set, not learned
    solved: ClassVar[bool]  # whether it is built anew before each inner step and after the last, and takes none itself

    def initialize(self, features: int, generator: torch.Generator) -> Parameters:
        """The head's part of the meta-initialization; empty where the head is rebuilt for each task."""

    def moments(self, features: int) -> Parameters:
        """Zeros of the shape in which the optimizer's state of the head is kept: one class [1, F] and [1]."""

    def build(self, features: Tensor, labels: Tensor, ways: Tensor) -> Parameters:
        """A head for each task from support features [T, S, F], labels [T, S] (−1 where padded) and ways [T]."""


@dataclass(frozen=True)
class DenseHead:
    """The paper's dense layer of fixed N, learned with the rest; it depends on the order of the labels."""

    ways: int
    reads_support: ClassVar[bool] = False
    solved: ClassVar[bool] = False

    def initialize(self, features: int, generator: torch.Generator) -> Parameters:
        bound = (6 / (features + self.ways)) ** 0.5
        weight = torch.empty(self.ways, features).uniform_(-bound, bound, generator=generator)
        return {HEAD_WEIGHT: weight, HEAD_BIAS: torch.zeros(self.ways)}

    def moments(self, features: int) -> Parameters:
        return {HEAD_WEIGHT: torch.zeros(self.ways, features), HEAD_BIAS: torch.zeros(self.ways)}

    def build(self, features: Tensor, labels: Tensor, ways: Tensor) -> Parameters:
        return {}


@dataclass(frozen=True)
class ZeroHead:
    """Zeros: every class starts alike."""

    reads_support: ClassVar[bool] = True
    solved: ClassVar[bool] = False

    def initialize(self, features: int, generator: torch.Generator) -> Parameters:
        return {}

    def moments(self, features: int) -> Parameters:
        return {HEAD_WEIGHT: torch.zeros(1, features), HEAD_BIAS: torch.zeros(1)}

    def build(self, features: Tensor, labels: Tensor, ways: Tensor) -> Parameters:
        tasks, _, size = features.shape
        most = int(ways.max())
        return {
            HEAD_WEIGHT: features.new_zeros(tasks, most, size),
            HEAD_BIAS: features.new_zeros(tasks, most),
        }


@dataclass(frozen=True)
class PrototypeHead(ZeroHead):
    """Class means c: w = 2c/τ and b = −‖c‖²/τ, so logits order classes by distance (Proto-MAML, Triantafillou 2020)."""

    temperature: float = 1.0

    def build(self, features: Tensor, labels: Tensor, ways: Tensor) -> Parameters:
        members = one_hot(labels + 1, int(ways.max()) + 1)[..., 1:].to(features.dtype).transpose(1, 2)  # [T, N, S]
        shots = members.sum(dim=2, keepdim=True).clamp_min(1)
        prototypes = torch.bmm(members, features) / shots
        return {
            HEAD_WEIGHT: prototypes * (2 / self.temperature),
            HEAD_BIAS: prototypes.square().sum(dim=2) / -self.temperature,
        }


@dataclass(frozen=True)
class LogisticHead:
    """Logistic regression on the features as they are at each step (Lee et al. 2019: a convex solver as the head).

    The features learn against the best classifier of the support set that they allow, not against one that lags behind.
    """

    penalty: float
    reads_support: ClassVar[bool] = True
    solved: ClassVar[bool] = True

    def initialize(self, features: int, generator: torch.Generator) -> Parameters:
        return {}

    def moments(self, features: int) -> Parameters:
        return {}

    def build(self, features: Tensor, labels: Tensor, ways: Tensor) -> Parameters:
        weight = fit_logistic(features, labels, ways, self.penalty)
        return {HEAD_WEIGHT: weight, HEAD_BIAS: weight.new_zeros(weight.shape[:2])}


def logits(parameters: Parameters, features: Tensor) -> Tensor:
    """[T, B, F] → [T, B, N]."""
    return torch.baddbmm(parameters[HEAD_BIAS].unsqueeze(1), features, parameters[HEAD_WEIGHT].transpose(1, 2))
