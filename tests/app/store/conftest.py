"""Stores of each kind, which must all do the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from app.store import DirectoryStore, Store

Opener: TypeAlias = Callable[[], Store]


@pytest.fixture
def open_again(tmp_path: Path) -> Opener:
    """Opens one and the same store, as another server would."""
    return lambda: DirectoryStore(tmp_path / "models")


@pytest.fixture
def store(open_again: Opener) -> Store:
    return open_again()
