"""What a run leaves: its card, and the picture of its curves."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from meta_training.data.splits import Split, read_split
from meta_training.launch import describe
from meta_training.presets import OMNIGLOT
from meta_training.reports.learning_curve import draw_learning_curve
from meta_training.reports.results import run_card
from meta_training.run_folder import Progress, RunFolder
from meta_training.training import Schedule, Training
from models.checkpoint import save_checkpoint


@pytest.fixture
def split(drawings: Path, tmp_path: Path) -> Split:
    for part in ("support", "more"):
        shutil.copytree(drawings / part, tmp_path / "symbols", dirs_exist_ok=True)
    return read_split(tmp_path / "symbols", OMNIGLOT.input)


def test_a_card_names_the_classes_that_the_run_never_saw(split: Split, tmp_path: Path) -> None:
    metadata = describe(OMNIGLOT, split)
    checkpoint = save_checkpoint(tmp_path / "any.safetensors", metadata, metadata.build().initialize(seed=0))
    data = run_card(checkpoint, OMNIGLOT, Progress(validation=[{"step": 1, "scores": []}]), split).data
    assert data.test_classes == split.test.names
    assert data.validation_classes == split.validation.names
    assert not {*data.test_classes} & {*data.validation_classes, *split.training.names}
    assert data.training_classes == len(split.training) == 4


def test_a_run_records_its_memory_and_its_picture_shows_it(split: Split, tmp_path: Path) -> None:
    config = replace(OMNIGLOT, ways=(2, 2), shots=2, head_shots=1, inner_steps=1, meta_batch=1, meta_steps=3)
    folder, schedule = RunFolder(tmp_path / "run"), Schedule(log=1, validate=4, episodes=2)
    run = Training(config, describe(config, split), split, folder, torch.device("cpu"), schedule)
    run.run()
    recorded = [entry["memory"] for entry in run.progress.losses]
    assert len(recorded) == 3
    assert all(50 < megabytes < 50_000 for megabytes in recorded)  # torch alone takes more than 50
    panel = draw_learning_curve("any", run.progress).axes[-1]
    assert panel.get_ylabel() == "memory, MB"
    assert list(panel.lines[0].get_ydata()) == recorded


def test_a_run_of_before_memory_was_recorded_is_drawn_without() -> None:
    panels = draw_learning_curve("old", Progress(step=10, losses=[{"step": 10, "first": 1.0, "last": 0.5}])).axes
    assert [panel.get_ylabel() for panel in panels] == ["training loss"]
