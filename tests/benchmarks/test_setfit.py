"""SetFit's recipe, on a network small enough for a test."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.text_accuracy.setfit import PAIRS, _pairs, setfit
from benchmarks.text_accuracy.torch_minilm import encode_all


class Words(nn.Module):
    """A vector for each word piece, and nothing more."""

    def __init__(self) -> None:
        super().__init__()
        self.vectors = nn.Embedding(20, 8)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> SimpleNamespace:
        assert ((input_ids != 0) == attention_mask.bool()).all()
        return SimpleNamespace(last_hidden_state=self.vectors(input_ids))


def test_each_text_is_paired_as_often_with_its_own_class_as_with_others() -> None:
    labels = np.array([0, 0, 1, 1, 2])
    left, right, same = _pairs(labels).T
    assert ((labels[left] == labels[right]) == same).all()
    assert np.bincount(left[same == 1]).tolist() == np.bincount(left[same == 0]).tolist() == [PAIRS] * 5


def test_it_learns_which_words_tell_classes_apart() -> None:
    torch.manual_seed(0)
    network = Words()
    ids = [[1, 2, 9], [1, 3], [1, 4, 5, 9], [6, 7], [6, 8, 9], [6, 2]]
    labels = torch.tensor([0, 0, 0, 1, 1, 1])
    before = encode_all(network, ids)
    answer = setfit(network, ids)(torch.arange(6), labels)
    assert answer(torch.arange(6)).tolist() == labels.tolist()
    torch.testing.assert_close(encode_all(network, ids), before)  # the next support set starts there, too


def test_texts_come_back_in_their_order_whatever_their_lengths() -> None:
    network, ids = Words(), [[5, 6, 7, 8], [1], [2, 3]]
    alone = torch.cat([encode_all(network, [each]) for each in ids])
    torch.testing.assert_close(encode_all(network, ids), alone)
