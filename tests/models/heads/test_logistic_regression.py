"""Logistic regression as a head."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize

from models.heads.logistic_regression import fit_logistic

PENALTY = 1e-2
ROOT = Path(__file__).parents[3]


@pytest.fixture
def examples() -> tuple[Tensor, Tensor]:
    """Unit features [2, 12, 40] of 3 classes, in double precision, and their labels."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(12).remainder(3).expand(2, -1)
    centres = torch.randn(2, 3, 40, generator=generator, dtype=torch.double)
    noise = torch.randn(2, 12, 40, generator=generator, dtype=torch.double)
    return normalize(centres[:, labels[0]] + noise, dim=2), labels


def test_no_other_weights_have_a_lower_loss(examples: tuple[Tensor, Tensor]) -> None:
    features, labels = examples
    weight = fit_logistic(features, labels, torch.tensor([3, 3]), PENALTY).requires_grad_()
    for task in range(2):
        loss = cross_entropy(features[task] @ weight[task].T, labels[task]) + PENALTY / 2 * weight[task].square().sum()
        (gradient,) = torch.autograd.grad(loss, weight)
        assert gradient.abs().max() < 1e-5
    assert weight.abs().max() > 0.1


def test_padding_and_tasks_of_other_sizes_change_nothing(examples: tuple[Tensor, Tensor]) -> None:
    features, labels = examples
    alone = fit_logistic(features[:1, :8], labels[:1, :8].clamp_max(1), torch.tensor([2]), PENALTY)
    padded = torch.cat([labels[:1, :8].clamp_max(1), torch.full((1, 4), -1)], dim=1)
    both = fit_logistic(features, torch.cat([padded, labels[1:]]), torch.tensor([2, 3]), PENALTY)
    torch.testing.assert_close(both[0, :2], alone[0], atol=1e-5, rtol=1e-5)
    assert not both[0, 2].any()


def test_classes_keep_their_weights_in_any_order(examples: tuple[Tensor, Tensor]) -> None:
    features, labels = examples
    order, names = torch.randperm(12, generator=torch.Generator().manual_seed(1)), torch.tensor([2, 0, 1])
    ways = torch.tensor([3, 3])
    weight = fit_logistic(features, labels, ways, PENALTY)
    shuffled = fit_logistic(features[:, order], names[labels][:, order], ways, PENALTY)
    torch.testing.assert_close(shuffled[:, names], weight)


def test_a_large_support_set_is_fitted() -> None:
    features = normalize(torch.randn(1, 1000, 64, generator=torch.Generator().manual_seed(0)), dim=2)
    labels = torch.arange(1000).remainder(50).unsqueeze(0)
    assert fit_logistic(features, labels, torch.tensor([50])).isfinite().all()


def test_several_large_tasks_are_solved_on_several_threads() -> None:
    """As the folds of a cross-validation of 256 examples of 32 classes are."""
    run = """
import torch
from models.heads import logistic_regression
torch.set_num_threads(2)
logistic_regression.FEW = 0
features = torch.randn(2, 160, 200, generator=torch.Generator().manual_seed(0))
labels = torch.arange(160).expand(2, -1) % 2
print(logistic_regression.fit_logistic(features, labels, torch.tensor([2, 2])).isfinite().all())
"""
    done = subprocess.run([sys.executable, "-c", run], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout == "tensor(True)\n", done.stderr
