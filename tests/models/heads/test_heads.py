"""How heads start."""

from __future__ import annotations

import torch

from models.heads.linear import HEAD_BIAS, HEAD_WEIGHT, logits
from models.heads.prototype import PrototypeHead


def test_prototype_logits_order_classes_by_distance() -> None:
    features = torch.randn(2, 9, 16)
    labels = torch.arange(9).remainder(3).expand(2, -1)
    head = PrototypeHead(temperature=4.0).build(features, labels, torch.tensor([3]))
    means = torch.stack([features[:, labels[0] == label].mean(dim=1) for label in range(3)], dim=1)
    query = torch.randn(2, 5, 16)
    distances = torch.cdist(query, means).square()
    expected = -distances / 4
    torch.testing.assert_close(logits(head, query).log_softmax(dim=2), expected.log_softmax(dim=2))


def test_padded_images_and_absent_classes_leave_prototypes_alone() -> None:
    features, labels = torch.randn(1, 4, 8), torch.tensor([[0, 1, -1, -1]])
    head = PrototypeHead().build(features, labels, torch.tensor([4]))
    torch.testing.assert_close(head[HEAD_WEIGHT][0, :2], 2 * features[0, :2])
    assert not head[HEAD_WEIGHT][0, 2:].any()
    assert not head[HEAD_BIAS][0, 2:].any()
