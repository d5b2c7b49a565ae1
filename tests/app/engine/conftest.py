"""Engines of one thread."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from app.engine.checkpoint_registry import CheckpointRegistry
from app.engine.engine import Engine
from app.engine.limits import BatchLimits, QueueLimits
from app.engine.state import State
from app.settings import Settings
from tests.app.engine.probe import Start
from tests.serving import wait_until


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts engines of one thread, ready ones unless told not to wait, and ends them."""
    engines: list[Engine] = []

    def start(wait: bool = True, **settings: object) -> Engine:
        chosen = Settings.model_validate({"threads": 1} | settings)
        engines.append(Engine(CheckpointRegistry.of(chosen), QueueLimits.of(chosen), BatchLimits.of(chosen)))
        engines[-1].start()
        wait_until(lambda: not wait or engines[-1].state is not State.LOADING)
        return engines[-1]

    yield start
    for engine in engines:
        engine.close()
