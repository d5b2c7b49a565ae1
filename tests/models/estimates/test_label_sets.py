"""Sets of labels."""

from __future__ import annotations

import pytest
import torch

from models.estimates.label_sets import LabelSetSpec, label_sets

SPEC = LabelSetSpec(coverages=(0.8, 0.9), untold=(0.5, 0.7), accuracies=(0.6, 0.9), levels=((0.7, 0.8), (0.1, 0.4)))


@pytest.mark.parametrize(
    ("coverage", "level"), [(0.4, 0.25), (0.8, 0.5), (0.85, 0.6), (0.9, 0.7), (0.95, 0.85), (0.9999, 0.9997)]
)
def test_levels_lie_between_those_that_were_found(coverage: float, level: float) -> None:
    assert SPEC.level(coverage, expected=None) == pytest.approx(level)


@pytest.mark.parametrize(("expected", "level"), [(0.3, 0.8), (0.6, 0.8), (0.75, 0.6), (0.9, 0.4), (0.99, 0.4)])
def test_sets_are_larger_where_less_is_expected(expected: float, level: float) -> None:
    assert SPEC.level(0.9, expected) == pytest.approx(level)


def test_a_set_ends_where_its_probabilities_come_to_the_level_and_is_never_empty() -> None:
    probabilities = torch.tensor([[0.2, 0.5, 0.3], [0.01, 0.01, 0.98]])
    assert label_sets(probabilities, 0.0).tolist() == [[False, True, False], [False, False, True]]
    assert label_sets(probabilities, 0.6).tolist() == [[False, True, True], [False, False, True]]
    assert label_sets(probabilities, 0.985).sum(dim=1).tolist() == [3, 2]
