"""The terms of expected accuracy are found again from episodes that came of known ones."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import one_hot

from meta_training.calibration.accuracy_fit import fit_accuracy, query_variance
from meta_training.calibration.observations import Observation
from models.estimates.cross_validation import Signs
from models.estimates.expected.accuracy import NINETY_PERCENT, AccuracySpec
from tests.models.estimates.test_accuracy import signs

TRUE = AccuracySpec(slope=0.7, offset=0.9, lack=2.5, spread=0.004, noise=0.1, untold=0.0)
QUERIES = 400


def observation(right: Tensor, answers: Tensor, shots: tuple[int, ...], told: Signs | None = None) -> Observation:
    said = torch.where(right, answers, (answers + 1) % len(shots))
    return Observation(
        data="a",
        shots=shots,
        different=shots,
        logits=one_hot(said, len(shots)).float(),
        answers=answers,
        stepped=True,
        signs=told,
        familiarity=torch.empty(0),
        level=torch.zeros(2),
    )


def episode(rng: np.random.Generator) -> Observation:
    """One of whose queries as many are right as TRUE says, give or take its deviation."""
    ways, images = int(rng.integers(2, 8)), int(rng.integers(2, 12))
    told = signs([images] * ways, rng.uniform(0.3, 0.9, ways).tolist())
    (expected,) = TRUE.expect([told])
    came = float(np.clip(expected.accuracy + rng.normal(0, expected.deviation), 0, 1))
    right = (torch.arange(QUERIES) < round(came * QUERIES)).repeat(ways)
    return observation(right, torch.arange(ways).repeat_interleave(QUERIES), (images,) * ways, told)


def test_what_episodes_came_of_is_found_again() -> None:
    rng = np.random.default_rng(0)
    found = fit_accuracy([episode(rng) for _ in range(400)])
    fresh = [episode(rng) for _ in range(200)]
    tells = [each.signs for each in fresh if each.signs]
    true = TRUE.expect(tells)
    off, before = (
        np.mean([abs(one.accuracy - other.accuracy) for one, other in zip(spec.expect(tells), true, strict=True)])
        for spec in (found, AccuracySpec())
    )
    assert off < 0.015
    assert before > 0.03
    held = [
        abs(each.accuracy - float(came.accuracies.mean())) <= NINETY_PERCENT * each.deviation
        for each, came in zip(found.expect(tells), fresh, strict=True)
    ]
    assert 0.84 <= np.mean(held) <= 0.96


def test_the_noise_of_few_queries_is_their_variance() -> None:
    rng = np.random.default_rng(0)
    answers = torch.arange(2).repeat_interleave(8)
    drawn = [observation(torch.from_numpy(rng.random(16) < 0.7), answers, (1, 1)) for _ in range(4000)]
    shares = [float(each.accuracies.mean()) for each in drawn]
    assert np.mean([query_variance(each) for each in drawn]) == pytest.approx(np.var(shares), rel=0.08)
