"""A small checkpoint with two initializations beside the first: one for red pictures, one for green ones."""

from __future__ import annotations

from pathlib import Path

import torch

from models.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from models.heads.logistic import LogisticHead
from models.initializations.mixture import joined
from models.inputs.image import ImageInput
from models.metadata import CheckpointMetadata, InnerSpec
from models.networks.conv4.network import Conv4
from models.parameters import Parameters

SIDE = 14
METADATA = CheckpointMetadata(
    name="two",
    created_at="",
    input=ImageInput(channels=3, size=SIDE),
    network=Conv4(channels=3, size=SIDE, filters=4),
    head=LogisticHead(),
    inner=InnerSpec(steps=2, learning_rate=1e-2),
)


def examples(color: int, count: int) -> torch.Tensor:
    """Noisy pictures of one colour, as the network takes them [count, H, W, C]."""
    torch.manual_seed(count + 7 * color)
    pictures = 0.3 * torch.rand(count, SIDE, SIDE, 3)
    pictures[..., color] += 0.7
    return pictures


def build(path: Path, **more: object) -> Checkpoint:
    """Write the checkpoint, with more metadata if wanted, and read it."""
    start = METADATA.build().initialize(seed=0)
    torch.manual_seed(1)
    changes: list[Parameters] = [
        {name: 0.1 * torch.randn(tensor.shape) for name, tensor in start.parameters.items()} for _ in range(2)
    ]
    mixture = joined(None, "red", changes[0], METADATA.network.summarize(examples(0, 20)))
    mixture = joined(mixture, "green", changes[1], METADATA.network.summarize(examples(1, 20)))
    save_checkpoint(path, METADATA.model_copy(update=more), start, mixture=mixture)
    return load_checkpoint(path)
