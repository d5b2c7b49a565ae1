"""Reptile on sine waves: a task that is not a classification, the paper's network."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from meta_training.errors import RunError
from meta_training.tasks import sine
from models.checkpoint import load_checkpoint

STEPS = 800


def test_meta_training_makes_a_start_from_which_few_steps_suffice(tmp_path: Path) -> None:
    found = sine.run(tmp_path, meta_steps=STEPS)
    plain, trained = found["not meta-trained"], found["meta-trained by Reptile"]
    assert list(trained) == [0, 1, 5, 10, 32]
    assert abs(trained[0][0] - plain[0][0]) < 1  # the start itself knows no wave
    assert trained[5][0] + trained[5][1] < plain[32][0] - plain[32][1]
    assert trained[32][0] < trained[1][0]
    assert (tmp_path / "sine.png").read_bytes().startswith(b"\x89PNG")
    assert json.loads((tmp_path / "sine.json").read_text())["config"]["meta_steps"] == STEPS
    assert load_checkpoint(tmp_path / "sine.safetensors").metadata.head.targets == 1
    with pytest.raises(RunError, match="holds sine waves already"):
        sine.run(tmp_path, meta_steps=1)


def test_the_same_seed_gives_the_same_start() -> None:
    first, second, other = (sine.train(seed, meta_steps=3).parameters for seed in (1, 1, 2))
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not torch.equal(first["layer2.weight"], other["layer2.weight"])
