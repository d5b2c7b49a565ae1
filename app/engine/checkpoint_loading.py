"""Which checkpoints a server has, and their learners on its device."""

from __future__ import annotations

from pathlib import Path

import torch

from app.settings import Settings
from models.checkpoint import load_checkpoint
from models.devices import pick_device
from models.errors import CheckpointError
from models.learner import Learner


def find_checkpoints(settings: Settings) -> dict[str, Path]:
    """The checkpoint files by name. Raises CheckpointError if the default one is not among them."""
    paths = {path.stem: path for path in sorted(settings.checkpoints.glob("*.safetensors"))}
    if settings.checkpoint not in paths:
        raise CheckpointError(
            f"There is no {settings.checkpoint}.safetensors in {settings.checkpoints}; it has: "
            f"{', '.join(paths) or 'no checkpoint'}. Set KSHOT_CHECKPOINT or KSHOT_CHECKPOINTS."
        )
    return paths


def load_learners(settings: Settings) -> dict[str, Learner]:
    """Every checkpoint, on the device. For the engine's thread.

    Raises CheckpointError or DeviceError.
    """
    if settings.threads:  # else all cores
        torch.set_num_threads(settings.threads)  # in this thread, as OpenMP keeps the number for each by itself
    device = pick_device(settings.device)
    learners = {name: Learner(load_checkpoint(path), device) for name, path in find_checkpoints(settings).items()}
    for learner in learners.values():
        learner.warm_up()
    return learners
