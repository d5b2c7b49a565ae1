"""Adapt to a support set that is too large for one batch: the head to all of it, the network's steps to a sample."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from models.estimates.cross_validation import Folds, left_out
from models.estimates.familiarity import LEVEL, MEANS, START_MEANS
from models.estimates.known import kept
from models.estimates.temperature import TEMPERATURE
from models.heads.linear import HEAD_BIAS, HEAD_WEIGHT
from models.initializations.adapted import Adapted, origin
from models.initializations.mixture import WEIGHTS
from models.large_sets.array_file import ArrayFile
from models.large_sets.head import Follow, SolvedHead, held_out, solve_head
from models.learner import Learner
from models.networks.statistics import statistics_of
from models.parameters import Parameters
from models.tasks import FeatureSet, Support

STEP_CLASSES, STEP_EXAMPLES = 32, 8
"""Of the sample that the steps are taken on: at most so many classes, and so many examples of each."""
CHOICE = 2048
"""Examples, of whole classes, that say whether the steps help."""
FAMILIAR = 8192
"""Examples by which `known` is told, of all classes alike."""
ROUNDED = 0.999  # of shares that add up to more than 1 in half precision
TOGETHER = 64  # examples that go through the network at once


@dataclass(frozen=True)
class LargeAdaptation:
    """The model, what it was made of, and what was held out of it said."""

    adapted: Adapted
    head: SolvedHead
    steps: int
    losses: list[float]
    """Of the sample, before each step and after the last."""
    initialization: dict[str, float]


@dataclass(frozen=True)
class _Candidate:
    """What the sample made of the network, in full precision."""

    parameters: Parameters
    steps: int
    losses: list[float]


def adapt_large(
    learner: Learner,
    encoded: ArrayFile,
    labels: Tensor,
    ways: int,
    folder: Path,
    follow: Follow,
    steps: int | None = None,
) -> LargeAdaptation:
    """Adapt to encoded examples [S, ...] with labels [S]; `folder` is for what memory should not hold.

    A fifth of each class says what to expect, which penalty the head needs, and whether the steps help: heads for it
    are made without. The head that is kept is of all examples. Raises SupportError.
    """
    learner.architecture.head.check(ways)
    held = held_out(labels, ways)
    follow("Looking for a start", 0, 1)
    weights = _weights(learner, encoded, labels, ways)
    start = origin(learner.initialization.parameters, learner.mixture, weights)
    chosen = _choose(learner, encoded, labels, ways, held, start, weights, steps)
    with ArrayFile(folder / "features", (learner.architecture.network.features,)) as features:
        for places, block in encoded.blocks(TOGETHER):
            features.append(_features(learner, chosen.parameters, block))
            follow("Computing features", places.stop, encoded.rows)
        head = solve_head(features, labels, ways, held, follow)
        follow("Measuring what is known", 0, 1)
        known = _familiar(learner, encoded, features, labels, ways, start if chosen.steps else None)
    own = {HEAD_WEIGHT: head.weight, HEAD_BIAS: head.weight.new_zeros(ways)}
    own |= {TEMPERATURE: head.weight.new_tensor([head.temperature])}
    tensors = _network(chosen.parameters) | own | known
    packed = learner.architecture.network.pack(tensors, start, coarse=(MEANS, START_MEANS))
    spec = learner.checkpoint.metadata.mixture
    named = {} if weights is None or spec is None else spec.named(weights.tolist())
    adapted = Adapted(packed if weights is None else packed | {WEIGHTS: weights.half()})
    return LargeAdaptation(adapted, head, chosen.steps, chosen.losses, named)


def _weights(learner: Learner, encoded: ArrayFile, labels: Tensor, ways: int) -> Tensor | None:
    """Return the shares [M] of a mixture's initializations: those of the examples' neighbours, classes alike."""
    spec, mixture = learner.checkpoint.metadata.mixture, learner.mixture
    if spec is None or mixture is None:
        return None
    each = torch.zeros(ways, len(mixture.names))
    for places, block in encoded.blocks():
        for label in torch.unique(labels[places]).tolist():
            own = learner.architecture.network.summarize(block[labels[places] == label])
            shares = mixture.shares(own, torch.zeros(len(own), dtype=torch.long), spec.neighbours)
            each[label] += shares * len(own)
    shares = (each / torch.bincount(labels, minlength=ways)[:, None]).mean(dim=0).half().float()
    return shares if shares.sum() <= 1 else (shares * ROUNDED).half().float()


def _choose(
    learner: Learner,
    encoded: ArrayFile,
    labels: Tensor,
    ways: int,
    held: Tensor,
    start: Parameters,
    weights: Tensor | None,
    steps: int | None,
) -> _Candidate:
    """Return the network after its steps on a sample, or before them where they don't help held-out examples."""
    inner = learner.checkpoint.metadata.inner
    shots = int(torch.bincount(labels[~held], minlength=ways).min())
    wanted = inner.steps_for(shots) if steps is None else steps
    sample = _some_classes(labels, ways, ~held, STEP_CLASSES, STEP_EXAMPLES)
    candidates = [_adapted(learner, encoded, labels, sample, start, weights, each) for each in {0, wanted}]
    if steps is not None or len(candidates) == 1:
        return next(each for each in candidates if each.steps == wanted)
    asked = _some_classes(labels, ways, torch.ones_like(held), max(2, CHOICE * ways // len(labels)), CHOICE)[:CHOICE]
    found = [_right(learner, encoded.take(asked.tolist()), labels[asked], held[asked], each) for each in candidates]
    return candidates[found.index(max(found))]


def _adapted(
    learner: Learner,
    encoded: ArrayFile,
    labels: Tensor,
    sample: Tensor,
    start: Parameters,
    weights: Tensor | None,
    steps: int,
) -> _Candidate:
    classes, own = torch.unique(labels[sample], return_inverse=True)
    spec = learner.checkpoint.metadata.mixture
    shares = dict(zip(spec.names, weights.tolist(), strict=True)) if spec and weights is not None else None
    rate = learner.checkpoint.metadata.inner.learning_rate
    support = Support(encoded.take(sample.tolist()), own, len(classes), steps, rate, shares)
    (made,) = learner.adapt([support])
    return _Candidate(made.adapted.parameters(learner.architecture.network, start), steps, made.losses)


def _right(learner: Learner, x: Tensor, labels: Tensor, held: Tensor, candidate: _Candidate) -> int:
    """Return how many held-out examples a head of the others tells right, of encoded examples [S, ...]."""
    features = torch.cat([_features(learner, candidate.parameters, part) for part in torch.split(x, TOGETHER)])
    classes, own = torch.unique(labels, return_inverse=True)
    asked = Folds(FeatureSet.without_copies(features, own, len(classes)), held[None])
    (scores,) = left_out(learner.architecture.head, [asked])
    return int((scores[0].argmax(dim=1) == own)[held].sum())


def _some_classes(labels: Tensor, ways: int, taken: Tensor, classes: int, examples: int) -> Tensor:
    """Return the places of up to so many examples of so many classes, spread evenly, among those taken [S]."""
    wanted = torch.unique(torch.linspace(0, ways - 1, min(ways, classes)).round().long())
    places = [torch.nonzero((labels == label) & taken).flatten() for label in wanted.tolist()]
    return torch.cat([each[_spread(len(each), examples)] for each in places])


def _spread(count: int, most: int) -> Tensor:
    """Return up to so many numbers below `count`, at even distances."""
    return torch.linspace(0, count - 1, min(count, most)).round().long() if count else torch.zeros(0, dtype=torch.long)


@torch.no_grad()
def _features(learner: Learner, parameters: Parameters, x: Tensor) -> Tensor:
    """Return the features [B, F] of encoded examples [B, ...] by one task's parameters."""
    stacked = {name: tensor.unsqueeze(0) for name, tensor in parameters.items()}
    features, _ = learner.architecture.network(_network(stacked), x.unsqueeze(0), None, statistics_of(stacked))
    return features[0]


def _network(parameters: Parameters) -> Parameters:
    """Leave out what is of the sample's own classes."""
    own = (HEAD_WEIGHT, HEAD_BIAS, TEMPERATURE, MEANS, START_MEANS, LEVEL)
    return {name: tensor for name, tensor in parameters.items() if name not in own}


def _familiar(
    learner: Learner, encoded: ArrayFile, features: ArrayFile, labels: Tensor, ways: int, start: Parameters | None
) -> Parameters:
    """Return what `known` is told by: of a few examples of each class, their features, before the steps if any."""
    calibration = learner.checkpoint.metadata.calibration
    some = _some_classes(labels, ways, torch.ones_like(labels, dtype=torch.bool), ways, max(2, FAMILIAR // ways))
    places = some.tolist()
    own = features.take(places)
    before = None
    if start is not None:
        parts = [encoded.take(places[first : first + TOGETHER]) for first in range(0, len(places), TOGETHER)]
        before = torch.cat([_features(learner, start, part) for part in parts])
    seen = FeatureSet.without_copies(own if before is None else before, labels[some], ways)
    return kept(calibration, [seen], [MEANS if before is None else START_MEANS])[0]
