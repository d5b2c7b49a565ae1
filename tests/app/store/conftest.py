"""Stores of each kind, which must all behave alike."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from app.settings import Settings
from app.store import Store, open_store

Address: TypeAlias = str
Opener: TypeAlias = Callable[[], Store]


@pytest.fixture(params=["directory", "s3"])
def address(
    request: pytest.FixtureRequest, s3: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Address:
    """The address of a store that any process can open."""
    for name, value in s3.items():
        monkeypatch.setenv(name, value)
    return str(tmp_path / "models") if request.param == "directory" else f"s3://models/{tmp_path.name}"


@pytest.fixture
def open_again(address: Address) -> Opener:
    """Opens one and the same store, as another server would."""
    return lambda: open_store(Settings(store=address))


@pytest.fixture
def store(open_again: Opener) -> Store:
    return open_again()
