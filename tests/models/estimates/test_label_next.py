"""What is to be labelled next: what a model is unsure of, spread over the pool, near copies last."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import normalize

from models.estimates.label_next import label_next

EVEN = torch.ones(2)


def pool(*examples: tuple[float, tuple[float, ...]]) -> tuple[Tensor, Tensor]:
    """Probabilities [Q, 2] and features [Q, F] of examples, each by its first class's probability and its direction."""
    first = torch.tensor([probability for probability, _ in examples])
    return torch.stack([first, 1 - first], dim=1), torch.tensor([feature for _, feature in examples], dtype=torch.float)


def alone(features: Tensor) -> Tensor:
    return torch.arange(len(features))


def test_the_least_sure_come_first_where_all_look_as_different() -> None:
    probabilities, features = pool((0.99, (1, 0, 0, 0)), (0.55, (0, 1, 0, 0)), (0.8, (0, 0, 1, 0)), (0.3, (0, 0, 0, 1)))
    assert label_next(probabilities, features, alone(features), EVEN).tolist() == [1, 3, 2, 0]


def test_what_looks_like_one_that_was_taken_waits() -> None:
    probabilities, features = pool((0.5, (1, 0, 0)), (0.51, (1, 0.05, 0)), (0.7, (0, 1, 0)), (0.75, (0, 0, 1)))
    assert label_next(probabilities, features, alone(features), EVEN).tolist() == [0, 2, 3, 1]


def test_all_are_ranked_once_whatever_they_look_like_and_however_long_their_features_are() -> None:
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(60, 20, generator=generator)
    probabilities = torch.randn(60, 4, generator=generator).softmax(dim=1)
    order = label_next(probabilities, features, alone(features), torch.ones(probabilities.shape[1]))
    assert sorted(order.tolist()) == list(range(60))
    lengths = 1 + torch.rand(60, 1, generator=generator)
    assert torch.equal(label_next(probabilities, features * lengths, alone(features), torch.ones(4)), order)


def test_near_copies_come_last() -> None:
    probabilities, features = pool((0.9, (1, 0)), (0.5, (0, 1)), (0.5, (0.01, 1)), (0.6, (1, 0.01)))
    assert label_next(probabilities, features, torch.tensor([0, 1, 1, 3]), EVEN).tolist()[-1] == 2


def test_an_even_spread_covers_every_look_before_any_twice() -> None:
    """As many first examples as there are looks are one of each."""
    generator = torch.Generator().manual_seed(1)
    looks = normalize(torch.randn(6, 40, generator=generator), dim=1)
    features = looks.repeat_interleave(5, dim=0) + 0.02 * torch.randn(30, 40, generator=generator)
    probabilities = torch.tensor([0.4, 0.3, 0.3]).expand(30, 3)
    order = label_next(probabilities, features, alone(features), torch.ones(probabilities.shape[1]))
    assert {place // 5 for place in order[:6].tolist()} == set(range(6))


def test_what_may_be_of_a_class_with_few_labels_comes_first() -> None:
    probabilities, features = pool((0.6, (1, 0)), (0.4, (0, 1)))
    few, many = torch.tensor([1, 20]), torch.tensor([20, 1])
    assert label_next(probabilities, features, alone(features), few).tolist() == [0, 1]
    assert label_next(probabilities, features, alone(features), many).tolist() == [1, 0]
