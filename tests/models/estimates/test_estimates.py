"""What a support set says of the model to come of it."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

from models.estimates.cross_validation import Signs, cross_validate
from models.estimates.expected.accuracy import MOST, AccuracySpec
from models.estimates.expected.expectation import Expectation, expect
from models.estimates.expected.learning_curve import learning_curves
from models.estimates.expected.operating_points import operating_points
from models.heads.logistic import LogisticHead
from models.tasks import FeatureSet

HEAD = LogisticHead(penalty=1e-3)
SPEC = AccuracySpec()


def expectation(features: Tensor, labels: Tensor, ways: int) -> Expectation | None:
    (expected,) = expect(SPEC, HEAD, [FeatureSet.without_copies(features, labels, ways)], [None])
    return expected


def test_classes_far_apart_are_expected_right_and_noise_by_chance() -> None:
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(50) % 10
    noise = torch.randn(50, 400, generator=generator)
    apart = normalize(10 * torch.eye(10, 400)[labels] + 0.1 * noise, dim=1)
    for features, least, most in ((apart, 0.95, 1.0), (normalize(noise, dim=1), 0.1, 0.2)):
        expected = expectation(features, labels, 10)
        assert expected is not None
        assert least <= expected.accuracy <= most


@pytest.mark.parametrize("labels", [[0, 1, 2], list(range(3)) * 900])
def test_nothing_is_promised_of_single_images_or_of_very_many(labels: list[int]) -> None:
    features = normalize(torch.rand(len(labels), 8), dim=1)
    assert expectation(features, torch.tensor(labels), 3) is None


def test_the_learning_curve_rises_with_images_where_they_tell_more() -> None:
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(45) % 5
    features = normalize(torch.eye(5, 200)[labels] + 0.15 * torch.randn(45, 200, generator=generator), dim=1)
    (curve,) = learning_curves(HEAD, [FeatureSet.without_copies(features, labels, 5)])
    assert [images for images, _ in curve] == [1, 2, 4, 8]
    assert 0.2 < curve[0][1] < curve[-1][1] <= 1


def test_a_class_of_one_image_leaves_no_learning_curve() -> None:
    single = FeatureSet.without_copies(normalize(torch.eye(5, 8), dim=1), torch.tensor([0, 0, 1, 1, 2]), 3)
    assert learning_curves(HEAD, [single]) == [()]


def test_operating_points_count_what_is_answered_and_right_with_classes_alike() -> None:
    """Three of the first class are sure and right; of the second one is doubtful and wrong, one sure and right."""
    probabilities = torch.tensor([[0.97, 0.03], [0.97, 0.03], [0.97, 0.03], [0.65, 0.35], [0.15, 0.85]])
    signs = Signs(2 * probabilities.log(), torch.tensor([0, 0, 0, 1, 1]), torch.arange(5), torch.tensor([3, 2]))
    found = {point.min_score: (point.answered, point.right) for point in operating_points(signs, temperature=2)}
    assert found[0.5] == pytest.approx((1, 0.75))
    assert found[0.7] == pytest.approx((0.75, 1))
    assert found[0.9] == pytest.approx((0.5, 1))
    nothing = operating_points(
        Signs(torch.zeros(2, 2), torch.tensor([0, 1]), torch.arange(2), torch.tensor([1, 1])), temperature=1
    )[-1]
    assert (nothing.answered, nothing.right) == (0, None)


def test_a_single_image_of_a_class_is_never_left_out() -> None:
    features = normalize(torch.eye(5, 8), dim=1)
    (signs,) = cross_validate(HEAD, [FeatureSet.without_copies(features, torch.tensor([0, 0, 1, 1, 2]), 3)])
    assert signs is not None
    assert signs.taken.sum(dim=1).tolist() == [2, 2, 0]
    expected = expectation(features, torch.tensor([0, 0, 1, 1, 2]), 3)
    assert expected is not None
    assert [each is None for each in expected.of_classes] == [False, False, True]


def noisy(shots: list[int], seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(len(shots)).repeat_interleave(torch.tensor(shots))
    return normalize(torch.eye(5, 60)[labels] + 0.3 * torch.randn(len(labels), 60, generator=generator), dim=1), labels


def test_never_is_all_promised_and_the_range_is_around_what_is_expected() -> None:
    labels = torch.arange(50) % 5
    expected = expectation(torch.eye(5, 60)[labels], labels, 5)
    assert expected is not None
    assert expected.low < expected.accuracy == MOST < expected.high <= 1


@pytest.mark.parametrize(("fewer", "more"), [([2] * 5, [8] * 5), ([8, 1, 1, 1, 1], [8, 2, 2, 2, 2])])
def test_the_range_is_wider_where_less_can_be_told(fewer: list[int], more: list[int]) -> None:
    few, many = (expectation(*noisy(shots), ways=5) for shots in (fewer, more))
    assert few is not None
    assert many is not None
    narrow, wide = SPEC.expect([many.signs, few.signs])
    assert wide.deviation > 1.2 * narrow.deviation


def test_a_class_among_which_others_images_lie_is_expected_to_fare_worse_and_named() -> None:
    features, labels = noisy([6, 6, 6])
    features[:3] = features[labels == 1][:3] * 0.9 + features[labels == 0][:3] * 0.1
    expected = expectation(normalize(features, dim=1), labels, 3)
    assert expected is not None
    worst, _, best = expected.of_classes
    assert worst is not None
    assert best is not None
    assert worst < best - 0.05
    taken = expected.signs.taken
    assert taken[0, 1] >= 2
    assert taken.sum() == 18


def test_support_sets_of_any_sizes_are_told_the_same_together_as_alone() -> None:
    drawn = [noisy(shots, seed) for seed, shots in enumerate(([5] * 5, [1, 1, 1], [8, 2, 3], [1] * 4, [7] * 5))]
    sets = [FeatureSet.without_copies(features, labels, int(labels.max()) + 1) for features, labels in drawn]
    together = expect(SPEC, HEAD, sets, [None] * len(sets), usual=0.7)
    for one, found in zip(sets, together, strict=True):
        (alone,) = expect(SPEC, HEAD, [one], [None], usual=0.7)
        assert (found is None) == (alone is None) == (len(one.labels) == one.ways)
        if found and alone:
            torch.testing.assert_close(found.signs.scores, alone.signs.scores, rtol=0, atol=1e-4)
            assert found.accuracy == pytest.approx(alone.accuracy, abs=1e-4)
            assert found.curve == alone.curve
