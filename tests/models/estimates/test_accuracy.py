"""The accuracy to expect, from what left-out examples say."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch

from models.estimates.cross_validation import TEMPERATURE, Signs
from models.estimates.expected.accuracy import MOST, AccuracySpec

SPEC = AccuracySpec()


def signs(shots: Sequence[int], probabilities: Sequence[float]) -> Signs:
    """What cross-validation says where each class's left-out examples have this probability of their own class."""
    counts = torch.tensor([each if each > 1 else 0 for each in shots])
    own = torch.arange(len(shots)).repeat_interleave(counts)
    told = torch.tensor(probabilities)[own]
    rest = (1 - told) / (len(shots) - 1)
    scores = rest[:, None].log().repeat(1, len(shots)).scatter(1, own[:, None], told[:, None].log())
    return Signs(TEMPERATURE * scores, own, torch.arange(len(own)), torch.tensor(shots))


def test_the_more_examples_tell_the_more_what_they_say_counts() -> None:
    few, many = SPEC.expect([signs([count] * 5, [0.3] * 5) for count in (2, 20)])
    (usual,) = SPEC.model_copy(update={"weight": 1e9}).expect([signs([20] * 5, [0.3] * 5)])
    assert abs(many.accuracy - usual.accuracy) > 1.5 * abs(few.accuracy - usual.accuracy)


def test_a_class_with_fewer_examples_or_worse_ones_is_expected_to_fare_worse() -> None:
    sizes, likes = SPEC.expect([signs([8, 2, 1], [0.7, 0.7, 0.0]), signs([5, 5], [0.9, 0.6])])
    rich, poor, single = sizes.of_classes
    assert rich > poor > single
    better, worse = likes.of_classes
    assert better > worse + 0.05


def test_no_less_than_chance_and_never_all_is_expected() -> None:
    hopeless, sure = SPEC.expect([signs([50] * 2, [0.2] * 2), signs([50] * 2, [1 - 1e-6] * 2)])
    assert hopeless.accuracy == 0.5
    assert sure.accuracy <= MOST


def test_support_sets_of_all_sizes_are_told_the_same_together_as_alone() -> None:
    sets = [signs([5] * 3, [0.6] * 3), signs([2, 1, 1, 4], [0.5, 0, 0, 0.8]), signs([9, 9], [0.9, 0.7])]
    for one, together in zip(sets, SPEC.expect(sets), strict=True):
        (alone,) = SPEC.expect([one])
        assert len(together.of_classes) == len(one.shots)
        assert together.of_classes == pytest.approx(alone.of_classes, abs=1e-6)
        assert (together.accuracy, together.deviation) == pytest.approx((alone.accuracy, alone.deviation), abs=1e-6)
        assert together.accuracy == pytest.approx(sum(together.of_classes) / len(one.shots), abs=1e-6)
    assert SPEC.expect([]) == []


def test_the_range_is_wider_where_less_tells() -> None:
    few, many, untold = (
        SPEC.expect([signs(shots, [0.7] * 5)])[0].deviation for shots in ([2] * 5, [9] * 5, [9, 9, 9, 9, 1])
    )
    assert few > 1.3 * many
    assert untold > many
