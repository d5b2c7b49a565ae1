"""How sure a model may be."""

from __future__ import annotations

import pytest
import torch

from models.estimates.cross_validation import Signs
from models.estimates.temperature import ratio

USUAL = 0.4


def signs(right: float, count: int = 40) -> Signs:
    """Left-out examples whose scores at USUAL are 0.8 for one of three classes, of which such a share is right."""
    own = torch.arange(count) % 3
    wrong = torch.arange(count) >= right * count
    said = torch.where(wrong, (own + 1) % 3, own)
    likely = torch.full((count, 3), 0.1).scatter(1, said[:, None], 0.8)
    return Signs(likely.log() * USUAL, own, torch.arange(count), torch.bincount(own))


def test_who_is_as_often_right_as_it_says_is_as_usual() -> None:
    assert ratio(signs(0.8), USUAL) == pytest.approx(1, abs=0.03)


def test_who_is_right_more_often_may_be_surer_and_who_is_less_often_may_not() -> None:
    assert ratio(signs(1.0), USUAL) < 0.8
    assert ratio(signs(0.5), USUAL) > 1.2


def test_few_examples_say_little() -> None:
    few, many = ratio(signs(1.0, count=3), USUAL), ratio(signs(1.0, count=60), USUAL)
    assert many < few < 1


def test_a_little_rounding_changes_little() -> None:
    exact = signs(0.7)
    rounded = Signs(exact.scores + 1e-6 * torch.randn(exact.scores.shape), exact.own, exact.places, exact.shots)
    assert ratio(rounded, USUAL) == pytest.approx(ratio(exact, USUAL), rel=1e-4)


def test_where_nothing_was_left_out_or_fitted_it_is_as_usual() -> None:
    assert ratio(None, USUAL) == ratio(signs(0.5), None) == 1
