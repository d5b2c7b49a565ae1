"""Where tasks start: at theta, or between the initializations of a mixture."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from models.architecture import Architecture
from models.estimates.cross_validation import Signs, cross_validate, takes_long
from models.estimates.near_copies import near_copies
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
    signs: Sequence[Signs | None]
    """Of heads on the features before the first step."""


@torch.no_grad()
def choose_starts(
    architecture: Architecture,
    theta: Parameters,
    mixture: Mixture,
    spec: MixtureSpec,
    supports: Sequence[Support],
    batch: TaskBatch,
    near_copy: float | None = None,
) -> Starts:
    """Return the weights of the initializations for each support set.

    They are those that its request chose, or the shares of its neighbours in the bank; and 0, so that it starts at
    theta, where cross-validation within the support set finds that better (as SUR selects its features by the support
    set, Dvornik et al. 2020), which takes two examples of a class. `near_copy` says from how much on two count as one.
    """
    weights = torch.stack([_weights(architecture, mixture, spec, support) for support in supports])
    signs: list[Signs | None] = [None] * len(supports)
    doubtful = [task for task, support in enumerate(supports) if weights[task].any() and _can_tell(support)]
    if doubtful:
        features = [
            architecture.network(start, batch.x, batch.weights)[0]
            for start in (mixture.start(theta, weights), stack(theta, len(supports)))
        ]
        for task in doubtful:
            blend, plain = (each[task, : len(supports[task].labels)] for each in features)
            labels, ways = supports[task].labels.to(plain.device), supports[task].ways
            groups = near_copies(plain, labels, near_copy)
            ours, theirs = (cross_validate(architecture.head, each, labels, ways, groups) for each in (blend, plain))
            signs[task] = ours
            if ours and theirs and ours.probability < theirs.probability:
                weights[task], signs[task] = 0, theirs
    return Starts(weights, mixture.start(theta, weights), signs)


def _can_tell(support: Support) -> bool:
    """Return whether to ask cross-validation: the request left it open, and the examples are of a fit number."""
    several = len(support.labels) > support.ways and not takes_long(support.labels, support.ways)
    return support.initialization is None and several


def _weights(architecture: Architecture, mixture: Mixture, spec: MixtureSpec, support: Support) -> Tensor:
    if support.initialization is not None:
        spec.check(support.initialization)
        return mixture.chosen(support.initialization)
    summaries = architecture.network.summarize(support.features)
    return mixture.shares(summaries, support.labels.to(summaries.device), spec.neighbours)
