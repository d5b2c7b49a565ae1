"""`kshot train --preset text`, on tables of one's own."""

from __future__ import annotations

import shutil
from pathlib import Path

import torch
from typer.testing import CliRunner

from kshot.__main__ import command_line
from meta_training.evaluation.card import Card
from models.checkpoint import load_checkpoint
from models.networks.linear_map import WEIGHT

TICKETS = Path(__file__).parents[1] / "data" / "tickets"


def test_it_makes_a_checkpoint_of_part_of_the_way(tmp_path: Path) -> None:
    for number in range(2):  # 8 classes
        shutil.copy(TICKETS / "support.csv", tmp_path / f"part{number}.csv")
    arguments = ["train", "--preset", "text", "--data", str(tmp_path), "--out", str(tmp_path / "run")]
    ran = CliRunner().invoke(command_line(), [*arguments, "--meta-steps", "2", "--episodes", "2", "--threads", "1"])
    assert ran.exit_code == 0, ran.output
    path = tmp_path / "run" / "text.safetensors"
    made = load_checkpoint(path)
    (state,) = (tmp_path / "run" / "state").glob("*.safetensors")
    whole = load_checkpoint(state).initialization.parameters[WEIGHT]
    part = made.initialization.parameters[WEIGHT]
    assert not torch.equal(whole, torch.eye(768))
    torch.testing.assert_close(part, torch.lerp(torch.eye(768), whole, 0.6))
    assert path.stat().st_size < 4_750_000
    assert len(Card.read(path).data.test_classes) == 2
