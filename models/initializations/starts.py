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
from models.tasks import FeatureSet, Support, TaskBatch

CLEAR = 0.005
"""Lead in the probability of left-out examples' own class from which on one start is better. They differ by rounding,
too, which may not decide where a model starts."""


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
    set, Dvornik et al. 2020), which takes two examples of a class. Where it finds them alike, it starts in between.
    `near_copy` says from how much on two examples count as one.
    """
    weights = torch.stack([_weights(architecture, mixture, spec, support) for support in supports])
    signs: list[Signs | None] = [None] * len(supports)
    doubtful = [task for task, own in enumerate(weights.any(dim=1).tolist()) if own and _can_tell(supports[task])]
    if doubtful:
        plain, blend = (
            architecture.network(start, batch.x, batch.weights)[0]
            for start in (stack(theta, len(supports)), mixture.start(theta, weights))
        )
        theirs, ours = (
            cross_validate(architecture.head, sets) for sets in _sets(doubtful, supports, (plain, blend), near_copy)
        )
        for task, own, other in zip(doubtful, ours, theirs, strict=True):
            lead = own.probability - other.probability if own and other else CLEAR
            share = min(max(lead / CLEAR, -1.0), 1.0) / 2 + 0.5
            weights[task] = (weights[task] * share).half().float()  # as they are kept
            signs[task] = own if lead >= 0 else other
    return Starts(weights, mixture.start(theta, weights), signs)


def _sets(
    tasks: Sequence[int], supports: Sequence[Support], features: Sequence[Tensor], near_copy: float | None
) -> list[list[FeatureSet]]:
    """Return some tasks' support sets, by each of `features` [T, B, F]; the first ones tell what are near copies."""
    labels, ways = [supports[task].labels.cpu() for task in tasks], [supports[task].ways for task in tasks]
    own = [[each[task, : len(of)] for task, of in zip(tasks, labels, strict=True)] for each in features]
    groups = near_copies(own[0], labels, near_copy)
    return [list(map(FeatureSet, each, labels, ways, groups)) for each in own]


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
