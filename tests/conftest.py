"""What tests share: a running server."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.settings import SHIPPED_CHECKPOINTS
from models.checkpoint import save_checkpoint
from models.metadata import CheckpointMetadata, HeadSpec, InnerSpec, NetworkSpec
from models.preprocess import InputSpec
from tests.serving import Server

MAX_BODY_BYTES = 4 * 2**20


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that all tests share, with a small limit of body size."""
    directory = tmp_path_factory.mktemp("server")
    server = Server(directory, checkpoints=_checkpoints(directory), max_body_bytes=MAX_BODY_BYTES)
    server.start()
    yield server
    server.stop()


def _checkpoints(directory: Path) -> Path:
    """The shipped checkpoint, and an untrained one for 3 classes exactly."""
    shutil.copy(SHIPPED_CHECKPOINTS / "omniglot.safetensors", directory)
    metadata = CheckpointMetadata(
        name="three",
        created_at="2026-01-01T00:00:00Z",
        network=NetworkSpec(filters=8),
        input=InputSpec(channels=3, size=28),
        head=HeadSpec(policy="dense", ways=3),
        inner=InnerSpec(steps=1, learning_rate=1e-3),
    )
    save_checkpoint(directory / "three.safetensors", metadata, metadata.build().initialize(seed=0))
    return directory
