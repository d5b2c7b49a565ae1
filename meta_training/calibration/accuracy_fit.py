"""Expected accuracy, from what cross-validation said of episodes and what was true."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from meta_training.calibration.observations import Observation
from models.estimates.expected.accuracy import (
    FITTED,
    NINETY_PERCENT,
    AccuracySpec,
    Evidence,
    expected_accuracies,
    parts_of_variance,
)

TOWARDS_DEFAULTS = 1e-4
"""Weight of the squared distance of the terms from their defaults."""
POSITIVE = ("weight", "own")
PARTS = ("spread", "noise", "untold")
LEAST_SPREAD = 1e-4
"""Variance of a share right that nobody can do without: a point to either side."""
ITERATIONS = 50
HELD = 0.9
"""Share of what came that ranges hold."""


def fit_accuracy(observations: Sequence[Observation]) -> AccuracySpec:
    """Return the terms of least squared error, and the variance of what comes around it, less that of few queries."""
    signs = [each.signs for each in observations if each.signs]
    right = torch.tensor([float(each.accuracies.mean()) for each in observations if each.signs])
    noise = torch.tensor([query_variance(each) for each in observations if each.signs])
    spec = AccuracySpec(**_terms(Evidence.of(signs), right))
    errors = right - torch.tensor([each.accuracy for each in spec.expect(signs)])
    return spec.model_copy(update=_variances(parts_of_variance(Evidence.of(signs)), errors, noise))


def query_variance(observation: Observation) -> float:
    """Return the variance of an episode's accuracy that comes of asking about so few images, without bias."""
    right = observation.accuracies
    asked = torch.bincount(observation.answers, minlength=len(right))
    return float((right * (1 - right) / (asked - 1).clamp_min(1)).sum()) / len(right) ** 2


def _terms(evidence: Evidence, right: Tensor) -> dict[str, float]:
    """Return what `expected_accuracies` takes."""
    usual = {name: torch.tensor(value) for name, value in AccuracySpec().model_dump(include=set(FITTED)).items()}
    start = torch.stack([value.log() if name in POSITIVE else value for name, value in usual.items()])

    def given(free: Tensor) -> dict[str, Tensor]:
        return {name: each.exp() if name in POSITIVE else each for name, each in zip(usual, free, strict=True)}

    def loss(free: Tensor) -> Tensor:
        found = evidence.mean(expected_accuracies(given(free), evidence))
        return (found - right).square().mean() + TOWARDS_DEFAULTS * (free - start).square().sum()

    return {name: round(float(value), 3) for name, value in given(_least(loss, start)).items()}


def _variances(parts: Tensor, errors: Tensor, noise: Tensor) -> dict[str, float]:
    """Return the likeliest variances of normal errors, times what makes ranges hold HELD of what came."""
    usual = AccuracySpec()
    start = torch.tensor([getattr(usual, name) for name in PARTS]).log()

    def total(free: Tensor) -> Tensor:
        return parts @ free.exp() + noise + LEAST_SPREAD / 10

    def loss(free: Tensor) -> Tensor:
        of_distance = TOWARDS_DEFAULTS * (free - start).square().sum()
        return (total(free).log() + errors.square() / total(free)).mean() / 2 + of_distance

    found = _least(loss, start).exp()
    wider = (((errors / NINETY_PERCENT).square() - noise) / (parts @ found)).quantile(HELD).clamp_min(0)
    variances = {name: round(float(value), 5) for name, value in zip(PARTS, wider * found, strict=True)}
    return variances | {"spread": max(variances["spread"], LEAST_SPREAD)}


def _least(loss: Callable[[Tensor], Tensor], start: Tensor) -> Tensor:
    """Return where a smooth function is least, by L-BFGS from a start."""
    free = start.clone().requires_grad_()
    optimizer = torch.optim.LBFGS([free], max_iter=ITERATIONS, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        found = loss(free)
        found.backward()  # type: ignore[no-untyped-call]
        return found

    optimizer.step(closure)  # type: ignore[no-untyped-call]
    return free.detach()
