"""Wrong labels in a support set."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import normalize

from models.estimates.cross_validation import cross_validate
from models.estimates.expected.doubtful import MOST, Doubt, doubtful
from models.heads.logistic import LogisticHead
from models.tasks import FeatureSet

WAYS, SHOTS = 5, 5


def found(labels: Tensor, groups: Tensor | None = None) -> list[Doubt]:
    """What is doubted of SHOTS examples of each class, far apart, with these labels."""
    noise = torch.randn(WAYS * SHOTS, 200, generator=torch.Generator().manual_seed(0))
    features = normalize(torch.eye(WAYS, 200).repeat_interleave(SHOTS, dim=0) + 0.03 * noise, dim=1)
    groups = torch.arange(len(labels)) if groups is None else groups
    (signs,) = cross_validate(LogisticHead(penalty=1e-3), [FeatureSet(features, labels, WAYS, groups)])
    assert signs is not None
    return doubtful(signs)


def test_a_wrong_label_is_doubted_and_no_other() -> None:
    labels = torch.arange(WAYS).repeat_interleave(SHOTS)
    assert found(labels) == []
    labels[7] = 4
    (doubt,) = found(labels)
    assert (doubt.place, doubt.taken_for) == (7, 1)
    assert doubt.probability < 0.05


def test_where_nothing_is_likely_nothing_is_doubted() -> None:
    """Of forty classes that look alike, each is below 0.05."""
    noise = torch.randn(80, 400, generator=torch.Generator().manual_seed(0))
    alike = FeatureSet.without_copies(normalize(noise + 10, dim=1), torch.arange(80) % 40, 40)
    (signs,) = cross_validate(LogisticHead(penalty=1e-3), [alike])
    assert signs is not None
    assert float(signs.probabilities.max()) < 0.05
    assert doubtful(signs) == []


def test_of_many_wrong_labels_the_least_likely_are_doubted() -> None:
    labels = torch.arange(WAYS).repeat_interleave(SHOTS)
    wrong = [2, 6, 12, 17, 23]
    labels[wrong] = (labels[wrong] + 1) % WAYS
    doubts = found(labels)
    assert len(doubts) == MOST
    assert {doubt.place for doubt in doubts} <= set(wrong)
    assert [doubt.probability for doubt in doubts] == sorted(doubt.probability for doubt in doubts)


def test_copies_are_doubted_together() -> None:
    """Left out one at a time, each would be vouched for by the other."""
    labels = torch.arange(WAYS).repeat_interleave(SHOTS)
    labels[[0, 1]] = 3
    groups = torch.arange(WAYS * SHOTS)
    groups[1] = 0
    assert {doubt.place for doubt in found(labels, groups)} == {0, 1}
