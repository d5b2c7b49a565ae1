"""Reptile, first-order MAML and joint training on 2D navigation: one policy gradient, by the same meta-algorithms."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from meta_training.errors import RunError
from meta_training.tasks import navigation
from meta_training.tasks.navigation import LEARNERS, Goals, initialize, policy_gradient, returns, roll_out, train
from models.inner_loop import inner_loop
from models.optimizers import SGD
from models.parameters import stack


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(navigation, "HORIZON", 15)


def test_steps_of_policy_gradient_bring_a_policy_nearer_to_its_goal() -> None:
    goals = torch.tensor([[0.4, 0.0], [0.0, -0.4]])
    policy = stack(initialize(0).parameters, 2)
    before = roll_out(policy, Goals(goals, 99))[2].sum(dim=1).mean(dim=1)
    batches = [(Goals(goals, step), torch.full((2,), navigation.RATE)) for step in range(5)]
    inner_loop(policy_gradient, policy, {}, batches, SGD())
    after = roll_out(policy, Goals(goals, 99))[2].sum(dim=1).mean(dim=1)
    assert (after > before).all()


@pytest.mark.parametrize("learner", LEARNERS)
def test_the_same_seed_gives_the_same_policy(learner: str) -> None:
    (first, curve), (second, _) = (train(learner, 1, 5) for _ in range(2))
    assert len(curve) == 5 // LEARNERS[learner][1]
    assert all(torch.equal(first.parameters[name], second.parameters[name]) for name in first.parameters)


def test_a_run_writes_its_table_and_picture_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(navigation, "SEEDS", (0,))
    monkeypatch.setattr(navigation, "TEST_GOALS", 4)
    found = navigation.run(tmp_path, gradients=5)
    assert list(found) == ["not trained", *LEARNERS]
    assert (tmp_path / "navigation.png").read_bytes().startswith(b"\x89PNG")
    assert found["not trained"] == [returns(initialize(0), 0)]
    with pytest.raises(RunError, match="holds a run already"):
        navigation.run(tmp_path, gradients=5)
