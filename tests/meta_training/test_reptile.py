"""The updates of Reptile and of first-order MAML against the paper's formulas."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from torch import Tensor

from meta_training.reptile import annealed, change_since, mean_change, meta_step
from meta_training.tasks.sine import Waves, draw_waves, initialize, loss
from models.architecture import MetaInitialization
from models.inner_loop import by_autograd, inner_loop
from models.optimizers import SGD
from models.parameters import Parameters, stack


@pytest.mark.parametrize("epsilon", [0.0, 0.25, 1.0])
def test_a_meta_step_moves_theta_by_epsilon_towards_the_mean_of_phi(epsilon: float) -> None:
    theta = MetaInitialization({"w": torch.tensor([1.0, 2.0])}, {"w": torch.zeros(2)}, count=7)
    phi = {"w": torch.tensor([[2.0, 2.0], [4.0, 0.0]]), "head": torch.zeros(2, 5)}
    after = meta_step(theta, lambda start: (mean_change(start.parameters, phi), {"w": torch.ones(2)}, 3), epsilon)
    expected = torch.tensor([1.0, 2.0]) + epsilon * (phi["w"].mean(dim=0) - torch.tensor([1.0, 2.0]))
    torch.testing.assert_close(after.parameters, {"w": expected})
    assert after.moments["w"].tolist() == [1.0, 1.0]
    assert after.count == 10


def walk(first: int, batches: Sequence[Waves]) -> tuple[Parameters, Parameters, list[Tensor]]:
    """From one start, steps on whole waves of three tasks: their direction, φ after them, and the losses."""
    theta, rates = initialize(seed=0).parameters, torch.full((3,), 0.02)
    phi = stack(theta, 3)

    def take(part: Sequence[Waves], _: int) -> list[Tensor]:
        return inner_loop(by_autograd(loss), phi, {}, [(batch, rates) for batch in part], SGD())

    direction, losses = change_since(first, theta, phi, batches, take)
    return direction, phi, losses


def test_a_direction_is_that_of_the_steps_that_count() -> None:
    rng = np.random.default_rng(0)
    batches = [draw_waves(rng, 3) for _ in range(4)]
    theta = initialize(seed=0).parameters
    _, before, _ = walk(0, batches[:-1])
    reptile, phi, losses = walk(0, batches)
    fomaml, same, _ = walk(3, batches)
    assert len(losses) == 4
    for name, after in phi.items():
        torch.testing.assert_close(reptile[name].float(), (after - theta[name]).mean(dim=0))
        torch.testing.assert_close(fomaml[name].float(), (after - before[name]).mean(dim=0))
        assert torch.equal(after, same[name])


def test_the_meta_step_size_falls_linearly_to_zero() -> None:
    assert [annealed(step, 4, 0.8) for step in range(5)] == pytest.approx([0.8, 0.6, 0.4, 0.2, 0.0])
