"""The card of a run."""

from __future__ import annotations

import shutil
from pathlib import Path

from meta_training.launch import describe
from meta_training.presets import OMNIGLOT
from meta_training.reports import card
from meta_training.run_folder import Progress
from meta_training.splits import read_split
from models.checkpoint import save_checkpoint


def test_a_card_names_the_classes_that_the_run_never_saw(drawings: Path, tmp_path: Path) -> None:
    for part in ("support", "more"):
        shutil.copytree(drawings / part, tmp_path / "symbols", dirs_exist_ok=True)
    split = read_split(tmp_path / "symbols", OMNIGLOT.input)
    metadata = describe(OMNIGLOT, split)
    checkpoint = save_checkpoint(tmp_path / "any.safetensors", metadata, metadata.build().initialize(seed=0))
    data = card(checkpoint, OMNIGLOT, Progress(validation=[{"step": 1, "scores": []}]), split)["data"]
    assert data["test_classes"] == list(split.test.names)
    assert data["validation_classes"] == list(split.validation.names)
    assert not {*data["test_classes"]} & {*data["validation_classes"], *split.training.names}
    assert data["training_classes"] == len(split.training) == 4
