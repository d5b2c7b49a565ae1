"""Frames of one scene count as one."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import normalize

from models.estimates.cross_validation import Signs, cross_validate
from models.estimates.near_copies import copies, near_copies
from models.heads.logistic import LogisticHead
from models.tasks import FeatureSet

ALIKE = 0.7


def scenes(frames: int, noise: float = 0.05, apart: float = 0.3) -> tuple[Tensor, Tensor]:
    """Features [S, 60] of 3 classes, each of 3 scenes in so many frames, and their labels."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(3).repeat_interleave(3)
    taken = torch.rand(3, 60, generator=generator)[labels] + apart * torch.randn(9, 60, generator=generator)
    features = taken.repeat_interleave(frames, dim=0)
    return normalize(
        features + noise * torch.randn(features.shape, generator=generator), dim=1
    ), labels.repeat_interleave(frames)


def groups_of(features: Tensor, labels: Tensor, alike: float | None = ALIKE) -> Tensor:
    (groups,) = near_copies([features], [labels], alike)
    return groups


def validated(features: Tensor, labels: Tensor, groups: Tensor | None = None) -> Signs:
    groups = torch.arange(len(labels)) if groups is None else groups
    (signs,) = cross_validate(LogisticHead(), [FeatureSet(features, labels, 3, groups)])
    assert signs is not None
    return signs


def test_frames_of_a_scene_are_a_group_and_other_examples_of_the_class_are_not() -> None:
    features, labels = scenes(frames=4)
    assert copies(groups_of(features, labels)) == [list(range(4 * scene, 4 * scene + 4)) for scene in range(9)]
    assert copies(groups_of(*scenes(frames=1))) == []


def test_groups_are_the_same_in_any_order() -> None:
    features, labels = scenes(frames=3)
    order = torch.randperm(27, generator=torch.Generator().manual_seed(1))
    found = copies(groups_of(features[order], labels[order]))
    assert sorted(sorted(order[group].tolist()) for group in found) == copies(groups_of(features, labels))


def test_copies_of_copies_are_copies() -> None:
    chain = normalize(torch.tensor([[1.0, 0, 0], [1, 0.5, 0], [0.6, 0.9, 0], [0, 0, 1]]), dim=1)
    labels = torch.tensor([0, 0, 0, 1])
    assert float(chain[0] @ chain[2]) < 0.8 < float(chain[0] @ chain[1])
    assert copies(groups_of(chain, labels, 0.8)) == [[0, 1, 2]]


def test_where_nothing_can_be_told_nothing_is_a_copy() -> None:
    features, labels = scenes(frames=2)
    assert groups_of(features, labels, None).tolist() == list(range(18))


def test_frames_do_not_make_a_class_look_easier_than_it_is() -> None:
    for frames in (3, 10):  # left out one by one, and by fifths
        features, labels = scenes(frames, noise=0.02, apart=0.7)
        groups = groups_of(features, labels)
        once = validated(features[::frames], labels[::frames])
        told, fooled = validated(features, labels, groups), validated(features, labels)
        assert abs(told.probability - once.probability) < 0.1
        assert fooled.probability > told.probability + 0.05


def test_a_class_of_frames_of_one_scene_is_never_left_out() -> None:
    features, labels = scenes(frames=4)
    keep = torch.cat([torch.arange(4), torch.arange(12, 36)])  # one scene of the first class
    groups = groups_of(features[keep], labels[keep])
    signs = validated(features[keep], labels[keep], groups)
    assert signs.taken.sum(dim=1).tolist() == [0, 12, 12]
