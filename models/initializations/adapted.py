"""An adapted model, what adapting says of it, and what it says of examples."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from models.estimates.expected.expectation import Expectation
from models.estimates.known import UNTOLD, Looks
from models.heads.linear import HEAD_BIAS
from models.initializations.mixture import WEIGHTS, Mixture
from models.networks.interface import Network
from models.parameters import Parameters

NOTHING = torch.empty(0)


@dataclass(frozen=True)
class Adapted:
    """What is kept of an adapted model, without a task dimension: all that differs from its checkpoint."""

    tensors: Parameters

    @property
    def ways(self) -> int:
        """N."""
        return len(self.tensors[HEAD_BIAS])

    @property
    def mark(self) -> Tensor:
        """One of its tensors, no other model's: while it is in memory, who has the same one is the same model."""
        return self.tensors[HEAD_BIAS]

    def parameters(self, network: Network, origin: Parameters) -> Parameters:
        """Return the adapted network, its head and its statistics in full precision, from what `origin` returns."""
        kept = {name: tensor for name, tensor in self.tensors.items() if name != WEIGHTS}
        return network.unpack(kept, origin)

    def origin(self, theta: Parameters, mixture: Mixture | None) -> Parameters:
        """Return what it was adapted from."""
        return origin(theta, mixture, self.tensors.get(WEIGHTS))


@dataclass(frozen=True)
class Adaptation:
    """What adapting gave: the model, its loss before each step and after the last, and how each support image fares."""

    adapted: Adapted
    losses: list[float]
    image_losses: list[float]
    fit: float
    """Share of the support examples that the model classifies as labelled, or of the variance of targets that it
    explains."""
    expectation: Expectation | None = None
    """By cross-validation; None where the checkpoint has no calibration or no class two images."""
    near_copies: Sequence[Sequence[int]] = ()
    """Examples that are copies of one another, or frames of one scene, by their places."""
    initialization: Mapping[str, float] = field(default_factory=dict)
    """Where it started: the shares of the checkpoint's initializations, by name; empty where there is but one."""


@dataclass(frozen=True)
class Answers:
    """What a model says of Q images: class probabilities [Q, N], and whether each looks like one of the classes.

    Where it estimates numbers, these are in the place of probabilities.
    """

    probabilities: Tensor
    looks: Looks = UNTOLD
    features: Tensor = NOTHING
    """As the head takes them [Q, F]; they stay on the device that computes."""

    def to(self, device: torch.device) -> "Answers":
        """Return what is answered on another device, without the features."""
        seen = [None if each is None else each.to(device) for each in self.looks]
        return Answers(self.probabilities.to(device), Looks(*seen))

    def split(self, sizes: list[int]) -> list["Answers"]:
        """Return the answers of so many images each."""
        parts = [[None] * len(sizes) if each is None else torch.split(each, sizes) for each in self.looks]
        looks = map(Looks, *parts)
        return list(map(Answers, torch.split(self.probabilities, sizes), looks))


def origin(theta: Parameters, mixture: Mixture | None, weights: Tensor | None) -> Parameters:
    """Return what a model was adapted from: theta where it has no weights [M] of a mixture, as in earlier versions."""
    if mixture is None or weights is None:
        return theta
    return {name: tensor[0] for name, tensor in mixture.start(theta, weights.float().unsqueeze(0)).items()}
