"""Heads of classes with very different numbers of examples."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

from models.heads.interface import Head
from models.heads.linear import HEAD_BIAS, HEAD_WEIGHT
from models.heads.logistic import LogisticHead
from models.heads.logistic_regression import fit_logistic
from models.heads.prototype import PrototypeHead
from models.heads.subsets import EVEN, HEADS, balanced_subsets, needs_subsets

SHOTS = (8, 1, 1, 2)


def task(shots: tuple[int, ...], seed: int = 0, queries: int = 50) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Noisy unit features [1, S, 60] of classes with so many examples, their labels, queries and theirs."""
    generator = torch.Generator().manual_seed(seed)
    centres = torch.randn(len(shots), 60, generator=generator).abs()
    labels = torch.arange(len(shots)).repeat_interleave(torch.tensor(shots))
    asked = torch.arange(len(shots)).repeat_interleave(queries)
    near = [
        normalize((centres[of] + 1.5 * torch.randn(len(of), 60, generator=generator)), dim=1) for of in (labels, asked)
    ]
    return near[0][None], labels[None], near[1], asked


def right(head: Head, shots: tuple[int, ...]) -> float:
    """Mean accuracy over classes, in 40 tasks."""
    found = []
    for seed in range(40):
        features, labels, queries, asked = task(shots, seed)
        made = head.build(features, labels, torch.tensor([len(shots)]))
        scores = queries @ made[HEAD_WEIGHT][0].T + made[HEAD_BIAS][0]
        found.append(float((scores.argmax(dim=1) == asked).float().mean()))
    return sum(found) / len(found)


@pytest.mark.parametrize("head", [LogisticHead(), PrototypeHead(temperature=0.1)])
@pytest.mark.parametrize(("uneven", "even"), [((8, 1, 1, 1), (1, 1, 1, 1)), ((8, 2, 2), (2, 2, 2)), ((8, 1), (1, 1))])
def test_more_examples_of_one_class_cost_the_others_nothing(
    head: Head, uneven: tuple[int, ...], even: tuple[int, ...]
) -> None:
    assert right(head, uneven) > right(head, even) - 0.01


def test_subsets_have_as_many_of_each_class_as_the_rarest_or_up_to_twice_as_many() -> None:
    features, labels, _, _ = task(SHOTS)
    subsets = balanced_subsets(features, labels, torch.tensor([4]))[0]
    sizes = [[int((subset == label).sum()) for label in range(4)] for subset in subsets]
    assert sizes == [[1, 1, 1, 1]] * HEADS[0] + [[2, 1, 1, 2]] * HEADS[1]
    assert all((subset[subset >= 0] == labels[0][subset >= 0]).all() for subset in subsets)


def test_subsets_of_like_size_use_all_examples_alike() -> None:
    features, labels, _, _ = task(SHOTS)
    used = (balanced_subsets(features, labels, torch.tensor([4]))[0, : HEADS[0]] >= 0).sum(dim=0)
    assert used.tolist() == [1] * 8 + [8, 8] + [4, 4]


def test_the_same_examples_give_the_same_head_in_any_order_alone_or_in_a_batch() -> None:
    features, labels, _, _ = task(SHOTS)
    ways = torch.tensor([4])
    alone = fit_logistic(features, labels, ways)
    order = torch.randperm(12, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(fit_logistic(features[:, order], labels[:, order], ways), alone)
    names = torch.tensor([2, 0, 3, 1])
    torch.testing.assert_close(fit_logistic(features, names[labels], ways)[:, names], alone)
    others, their, _, _ = task((3, 3, 3, 2, 1), seed=1)
    padded = torch.cat([features, torch.zeros(1, 0, 60)], dim=1), torch.cat([labels, labels[:, :0]], dim=1)
    both = fit_logistic(torch.cat([padded[0], others]), torch.cat([padded[1], their]), torch.tensor([4, 5]))
    torch.testing.assert_close(both[0, :4], alone[0], atol=1e-5, rtol=1e-5)
    assert not both[0, 4].any()


def test_like_numbers_need_no_subsets_and_neither_do_very_many_examples() -> None:
    ways = torch.tensor([2])

    def needs(*shots: int) -> bool:
        return bool(needs_subsets(torch.arange(2).repeat_interleave(torch.tensor(shots))[None], ways)[0])

    assert not needs(5, 5)
    assert not needs(5, 4), f"up to {EVEN} times as many"
    assert needs(3, 2)
    assert needs(400, 100)
    assert not needs(4000, 1000)


def test_which_two_examples_of_a_class_come_first_is_not_left_to_rounding() -> None:
    """Of length 1, both are as near to their mean."""
    features, labels, _, _ = task((8, 2, 2, 2))
    chosen = balanced_subsets(features, labels, torch.tensor([4]))
    for seed in range(20):
        noise = torch.randn(features.shape, generator=torch.Generator().manual_seed(seed))
        assert torch.equal(balanced_subsets(features + 1e-6 * noise, labels, torch.tensor([4])), chosen)
