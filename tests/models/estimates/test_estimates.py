"""What a support set says of the model to come of it."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import normalize

from models.estimates.calibration import Calibration
from models.estimates.cross_validation import held_out_probability
from models.estimates.familiarity import class_means
from models.estimates.learning_curve import learning_curve
from models.heads.logistic import LogisticHead

HEAD = LogisticHead(penalty=1e-3)
CALIBRATION = Calibration(temperature=0.7, slope=0.54, offset=0.469, familiar=0.55)


def test_classes_far_apart_are_expected_right_and_noise_by_chance() -> None:
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(50) % 10
    noise = torch.randn(50, 400, generator=generator)
    apart = normalize(10 * torch.eye(10, 400)[labels] + 0.1 * noise, dim=1)
    for features, least, most in ((apart, 0.95, 1.0), (normalize(noise, dim=1), 0.1, 0.2)):
        held_out = held_out_probability(HEAD, features, labels, 10)
        assert held_out is not None
        assert least <= CALIBRATION.expected_accuracy(held_out, 10) <= most


@pytest.mark.parametrize("labels", [[0, 1, 2], list(range(3)) * 900])
def test_nothing_is_promised_of_single_images_or_of_very_many(labels: list[int]) -> None:
    features = normalize(torch.rand(len(labels), 8), dim=1)
    assert held_out_probability(HEAD, features, torch.tensor(labels), 3) is None


def test_the_learning_curve_rises_with_images_where_they_tell_more() -> None:
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(45) % 5
    features = normalize(torch.eye(5, 200)[labels] + 0.15 * torch.randn(45, 200, generator=generator), dim=1)
    curve = learning_curve(HEAD, features, labels, 5)
    assert [images for images, _ in curve] == [1, 2, 4, 8]
    assert 0.2 < curve[0][1] < curve[-1][1] <= 1


def test_a_class_of_one_image_leaves_no_learning_curve() -> None:
    assert learning_curve(HEAD, normalize(torch.eye(5, 8), dim=1), torch.tensor([0, 0, 1, 1, 2]), 3) == []


def test_a_single_image_of_a_class_is_never_left_out() -> None:
    features = normalize(torch.eye(5, 8), dim=1)
    assert held_out_probability(HEAD, features, torch.tensor([0, 0, 1, 1, 2]), 3) is not None


def test_padding_leaves_class_means_alone() -> None:
    features = torch.rand(1, 3, 4)
    means = class_means(features, torch.tensor([[0, 1, -1]]), 2)
    torch.testing.assert_close(means[0], normalize(features[0, :2], dim=1))
