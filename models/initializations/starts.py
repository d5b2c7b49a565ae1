"""Where tasks start: at theta, or between the initializations of a mixture."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from models.architecture import Architecture
from models.estimates.cross_validation import held_out_probability, takes_long
from models.initializations.mixture import Mixture, MixtureSpec
from models.parameters import Parameters, stack
from models.tasks import Support, TaskBatch


@dataclass(frozen=True)
class Starts:
    """Where T tasks start, and what cross-validation within their support sets said of it, where it was asked."""

    weights: Tensor
    """Of the mixture's initializations [T, M]."""
    parameters: Parameters
    """That these give, stacked [T, ...]."""
    held_out: Sequence[float | None]
    """Mean probability of a left-out example's own class, before the first step."""


@torch.no_grad()
def choose_starts(
    architecture: Architecture,
    theta: Parameters,
    mixture: Mixture,
    spec: MixtureSpec,
    supports: Sequence[Support],
    batch: TaskBatch,
) -> Starts:
    """Return the weights of the initializations for each support set.

    They are those that its request chose, or the shares of its neighbours in the bank; and 0, so that it starts at
    theta, where cross-validation within the support set finds that better (as SUR selects its features by the support
    set, Dvornik et al. 2020), which takes two examples of a class.
    """
    weights = torch.stack([_weights(mixture, spec, support) for support in supports])
    held_out: list[float | None] = [None] * len(supports)
    doubtful = [task for task, support in enumerate(supports) if weights[task].any() and _can_tell(support)]
    if doubtful:
        blend = _held_out(architecture, mixture.start(theta, weights), supports, batch, doubtful)
        plain = _held_out(architecture, stack(theta, len(supports)), supports, batch, doubtful)
        for task, ours, theirs in zip(doubtful, blend, plain, strict=True):
            held_out[task] = ours
            if ours is not None and theirs is not None and ours < theirs:
                weights[task], held_out[task] = 0, theirs
    return Starts(weights, mixture.start(theta, weights), held_out)


def _can_tell(support: Support) -> bool:
    """Return whether to ask cross-validation: the request left it open, and the examples are of a fit number."""
    several = len(support.labels) > support.ways and not takes_long(support.labels, support.ways)
    return support.initialization is None and several


def _weights(mixture: Mixture, spec: MixtureSpec, support: Support) -> Tensor:
    if support.initialization is not None:
        spec.check(support.initialization)
        return mixture.chosen(support.initialization)
    return mixture.shares(support.features, support.labels.to(support.features.device), spec.neighbours)


def _held_out(
    architecture: Architecture,
    parameters: Parameters,
    supports: Sequence[Support],
    batch: TaskBatch,
    tasks: Sequence[int],
) -> list[float | None]:
    """Return, of these tasks, the mean probability of a left-out example's own class before the first step."""
    features, _ = architecture.network(parameters, batch.x, batch.weights)
    return [
        held_out_probability(
            architecture.head,
            features[task, : len(supports[task].labels)],
            batch.labels[task, : len(supports[task].labels)],
            supports[task].ways,
        )
        for task in tasks
    ]
