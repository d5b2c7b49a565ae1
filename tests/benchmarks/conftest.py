"""What the benchmarks of photographs are tried on."""

from __future__ import annotations

import os
from itertools import groupby, islice
from pathlib import Path

import pytest
import torch

from meta_training.data.sources import File, image_files
from meta_training.presets import PHOTO
from meta_training.training import start
from models.checkpoint import Checkpoint, save_checkpoint
from models.learner import Learner

GROCERIES = Path(os.environ.get("KSHOT_DATA", "../shared/data")) / "grocery-store.tar"
NAMES = ("Banana", "Cabbage", "Lemon", "Pineapple")


@pytest.fixture(scope="session")
def checkpoint_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("checkpoint") / "photo.safetensors"


@pytest.fixture(scope="session")
def checkpoint(checkpoint_file: Path) -> Checkpoint:
    """The preset before its first meta step."""
    metadata = PHOTO.metadata(calibration=None)
    return save_checkpoint(checkpoint_file, metadata, *start(metadata.build(), PHOTO.encoder, seed=0))


@pytest.fixture(scope="session")
def learner(checkpoint: Checkpoint) -> Learner:
    return Learner(checkpoint, torch.device("cpu"))


@pytest.fixture(scope="session")
def files() -> list[File]:
    """Seven photos of each of four fruits and vegetables."""
    if not GROCERIES.exists():
        pytest.skip("needs grocery-store.tar in KSHOT_DATA")
    by_class = groupby(image_files(GROCERIES), key=lambda file: file[0])
    return [file for name, group in by_class if name in NAMES for file in islice(group, 7)]
