"""A run's weights become one more initialization of a checkpoint."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from meta_training.errors import RunError
from meta_training.mixtures import BANK_PICTURES, add_initialization, require_theta
from models.architecture import MetaInitialization
from models.checkpoint import Checkpoint
from tests.meta_training.data.test_held_out_tasks import CONFIG, architecture, domain

BASE = Checkpoint(CONFIG.metadata(), architecture().initialize(seed=0), "sha256:base")


def trained(amount: float) -> Checkpoint:
    start = BASE.initialization
    moved = {name: tensor + amount for name, tensor in start.parameters.items()}
    return replace(BASE, initialization=MetaInitialization(moved, start.moments, count=9), digest="")


def test_a_run_adds_its_change_and_examples_of_what_it_was_trained_on() -> None:
    first = add_initialization(BASE, trained(0.5), replace(CONFIG, initialization="fonts"), domain("fonts", 4))
    half = replace(CONFIG, initialization="birds", strength=0.5)
    both = add_initialization(first, trained(-1), half, domain("birds", 20))
    assert both.mixture
    assert both.mixture.names == ("fonts", "birds")
    assert torch.bincount(both.mixture.owners).tolist() == [36, BANK_PICTURES]
    for change in both.mixture.changes.values():
        torch.testing.assert_close(change[0], torch.full_like(change[0], 0.5))
        torch.testing.assert_close(change[1], torch.full_like(change[1], -0.5))
    pictures = torch.from_numpy(domain("fonts", 4).images[0])
    likeness = BASE.metadata.network.summarize(pictures) @ both.mixture.bank.T
    assert torch.isclose(likeness, torch.tensor(1.0)).any(dim=1).all()


def test_models_of_the_checkpoint_it_began_with_are_served_by_what_comes_of_it() -> None:
    first = add_initialization(BASE, trained(0.5), replace(CONFIG, initialization="fonts"), domain("fonts", 4))
    again = add_initialization(first, trained(0.5), replace(CONFIG, initialization="birds"), domain("birds", 4))
    assert first.serves("sha256:base")
    assert again.serves("sha256:base")
    assert again.initialization is BASE.initialization


def test_a_run_from_another_theta_is_refused() -> None:
    require_theta(BASE, replace(BASE, digest=""))
    with pytest.raises(RunError, match="another theta"):
        require_theta(BASE, trained(0.1))
