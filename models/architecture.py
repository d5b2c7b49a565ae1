"""A learner without its weights: network, head and inner optimizer, and what they do together for T tasks."""

from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from models.heads.heads import HEAD, Head, logits
from models.inner_loop import Gradient, by_autograd
from models.networks.conv4.network import Conv4
from models.networks.interface import Network
from models.optimizers import Optimizer
from models.parameters import Parameters, move, stack
from models.tasks import PADDING, TaskBatch


@dataclass(frozen=True)
class MetaInitialization:
    """Where adaptation starts: theta, the inner optimizer's second moment v, and how many steps v has seen."""

    parameters: Parameters
    moments: Parameters
    count: int = 0

    def to(self, target: torch.device | torch.dtype) -> "MetaInitialization":
        """The same on another device or in another precision."""
        return MetaInitialization(move(self.parameters, target), move(self.moments, target), self.count)


@dataclass(frozen=True)
class Architecture:
    """The adaptable network, how its head starts, and how they step."""

    network: Network
    head: Head
    optimizer: Optimizer

    def initialize(self, seed: int) -> MetaInitialization:
        """Fresh weights, the same for the same seed."""
        generator = torch.Generator().manual_seed(seed)
        parameters = self.network.initialize(generator)
        moments = {name: torch.zeros_like(tensor) for name, tensor in parameters.items()}
        size = self.network.features
        return MetaInitialization(parameters | self.head.initialize(size, generator), moments | self.head.moments(size))

    @torch.no_grad()
    def start(self, initialization: MetaInitialization, support: TaskBatch) -> tuple[Parameters, Parameters]:
        """Each task's own copy of theta and v, with a head for its classes."""
        tasks = len(support.labels)
        parameters = stack(initialization.parameters, tasks)
        if self.head.reads_support and not self.head.solved:
            features, _ = self.network(parameters, support.x, support.weights)
            parameters |= self.head.build(features, support.labels, support.ways)
        moments = stack(initialization.moments, tasks)
        for name in moments.keys() & set(HEAD):
            moments[name] = moments[name].expand(parameters[name].shape).clone()
        return parameters, moments

    def gradient(self, device: torch.device) -> Gradient[TaskBatch]:
        """Of `loss`, for the steps of one inner loop on this device."""
        if isinstance(self.network, Conv4) and (gradient := self.network.gradient(device)):
            return gradient
        if not self.head.solved:
            return by_autograd(self.loss)
        return SolvedHeadGradient(self)

    @torch.no_grad()
    def conclude(self, parameters: Parameters, support: TaskBatch) -> tuple[Parameters, Parameters, Tensor, Tensor]:
        """After the last step: the parameters, and the support set's batch-norm statistics, features and logits."""
        features, statistics = self.network(parameters, support.x, support.weights)
        if self.head.solved:
            parameters = parameters | self.head.build(features, support.labels, support.ways)
        return parameters, statistics, features, self.mask(logits(parameters, features), support)

    def loss(self, parameters: Parameters, batch: TaskBatch) -> Tensor:
        """Each task's mean cross-entropy [T], with the batch's own batch-norm statistics."""
        features, _ = self.network(parameters, batch.x, batch.weights)
        return self.losses(logits(parameters, features), batch)

    def losses(self, scores: Tensor, batch: TaskBatch) -> Tensor:
        """Each task's mean cross-entropy [T] from logits [T, B, N]."""
        weights, losses = batch.weights, image_losses(self.mask(scores, batch), batch.labels)
        return losses.mean(dim=1) if weights is None else losses.sum(dim=1) / weights.sum(dim=1)

    @staticmethod
    def mask(scores: Tensor, batch: TaskBatch) -> Tensor:
        """Logits [T, B, N] with −∞ for the classes a task does not have."""
        absent = batch.absent
        return scores if absent is None else scores.masked_fill(absent, -torch.inf)


@dataclass
class SolvedHeadGradient:
    """`Gradient` of the network's parameters, under the head that is best for the features as they are at each call."""

    architecture: Architecture
    first: Tensor | None = field(default=None, init=False)
    """The features [T, B, F] of the first call: as they are before any step."""

    def __call__(self, parameters: Parameters, batch: TaskBatch) -> tuple[Tensor, Parameters]:
        """Each task's loss [T] and the gradients."""
        return by_autograd(self._loss)(_without_head(parameters), batch)

    def _loss(self, parameters: Parameters, batch: TaskBatch) -> Tensor:
        features, _ = self.architecture.network(parameters, batch.x, batch.weights)
        if self.first is None:
            self.first = features.detach()
        head = self.architecture.head.build(features.detach(), batch.labels, batch.ways)
        return self.architecture.losses(logits(head, features), batch)


def _without_head(parameters: Parameters) -> Parameters:
    return {name: tensor for name, tensor in parameters.items() if name not in HEAD}


def image_losses(scores: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy of each image [T, B] from logits [T, B, N]; 0 for padding."""
    return cross_entropy(scores.transpose(1, 2), labels, reduction="none", ignore_index=PADDING)


def shared_moments(kept: Parameters, moments: Parameters, ways: Tensor) -> tuple[Parameters, dict[str, int]]:
    """v after T tasks, in the shapes of `kept`: the mean over tasks, and over the classes of a head rebuilt for each.

    `moments` are stacked; `ways` [T] says how many classes of the head are each task's own. Also returns of how many
    each mean is. The means come in double precision.
    """
    means, counts = {}, {}
    for name, old in kept.items():
        tensor = moments[name]
        if name in HEAD and old.shape[0] == 1:
            present = torch.arange(tensor.shape[1], device=ways.device) < ways[:, None]
            tensor = tensor[present].unsqueeze(1)
        means[name], counts[name] = tensor.mean(dim=0, dtype=torch.double), len(tensor)
    return means, counts
