"""Queries that are classified together."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import normalize

from models.heads.linear import logits
from models.heads.logistic import LogisticHead
from models.heads.rectification import rectified
from models.tasks import TaskBatch

FEW, MANY = 5, 40


def task(seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """One noisy example of each of three classes: logits [1, Q, 3] of queries, their features and their classes.

    The first class has few queries.
    """
    generator = torch.Generator().manual_seed(seed)
    centres = torch.randn(3, 60, generator=generator).abs()

    def near(labels: Tensor) -> Tensor:
        return normalize(centres[labels] + torch.randn(len(labels), 60, generator=generator), dim=1)

    asked = torch.arange(3).repeat_interleave(torch.tensor([FEW, MANY, MANY]))
    support, queries = near(torch.arange(3))[None], near(asked)[None]
    head = LogisticHead().build(support, torch.arange(3)[None], torch.tensor([3]))
    return logits(head, queries), queries, asked


def right(scores: Tensor, asked: Tensor) -> float:
    return float((scores[0].argmax(dim=1) == asked).float().mean())


def test_queries_together_are_told_apart_better_than_alone() -> None:
    alone, together = [], []
    for seed in range(20):
        scores, features, asked = task(seed)
        batch = TaskBatch.unlabelled([features[0]], [3])
        alone.append(right(scores, asked))
        together.append(right(rectified(scores, features, batch), asked))
    assert sum(together) / 20 > sum(alone) / 20 + 0.03


def test_a_single_query_stays_as_it_is() -> None:
    scores, features, _ = task(0)
    batch = TaskBatch.unlabelled([features[0, :1]], [3])
    torch.testing.assert_close(rectified(scores[:, :1], features[:, :1], batch), scores[:, :1])


def test_other_tasks_and_padding_change_nothing() -> None:
    scores, features, _ = task(0)
    batch = TaskBatch.unlabelled([features[0]], [3])
    expected = rectified(scores, features, batch)
    few = 7
    both = TaskBatch.unlabelled([features[0], features[0, :few]], [3, 2])
    padded = torch.cat([scores, scores])
    padded[1, few:] = 9
    padded[1, :, 2] = -torch.inf
    ours, other = rectified(padded, torch.cat([features, features]), both)
    torch.testing.assert_close(ours, expected[0], rtol=0, atol=1e-4)
    own = TaskBatch.unlabelled([features[0, :few]], [2])
    torch.testing.assert_close(
        other[:few, :2], rectified(scores[:, :few, :2], features[:, :few], own)[0], rtol=0, atol=1e-4
    )
