"""Reptile's update against the paper's formula."""

from __future__ import annotations

import pytest
import torch

from meta_training.reptile import annealed, mean_change, meta_step
from models.architecture import MetaInitialization


@pytest.mark.parametrize("epsilon", [0.0, 0.25, 1.0])
def test_a_meta_step_moves_theta_by_epsilon_towards_the_mean_of_phi(epsilon: float) -> None:
    theta = MetaInitialization({"w": torch.tensor([1.0, 2.0])}, {"w": torch.zeros(2)}, count=7)
    phi = {"w": torch.tensor([[2.0, 2.0], [4.0, 0.0]]), "head": torch.zeros(2, 5)}
    after = meta_step(theta, lambda start: (mean_change(start.parameters, phi), {"w": torch.ones(2)}, 3), epsilon)
    expected = torch.tensor([1.0, 2.0]) + epsilon * (phi["w"].mean(dim=0) - torch.tensor([1.0, 2.0]))
    torch.testing.assert_close(after.parameters, {"w": expected})
    assert after.moments["w"].tolist() == [1.0, 1.0]
    assert after.count == 10


def test_the_meta_step_size_falls_linearly_to_zero() -> None:
    assert [annealed(step, 4, 0.8) for step in range(5)] == pytest.approx([0.8, 0.6, 0.4, 0.2, 0.0])
