"""Stores of each kind, which must all do the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import pytest
from obstore.store import MemoryStore

from app.settings import Settings
from app.store import DirectoryStore, Store, open_store
from app.store.bucket import Bucket
from app.store.objects import ObjectStore
from tests.s3 import running_s3

Opener: TypeAlias = Callable[[], Store]


@pytest.fixture(scope="session")
def s3() -> Iterator[dict[str, str]]:
    """An S3-compatible server with a bucket named `models`; gives the environment variables that lead to it."""
    with running_s3() as environment:
        yield environment


@pytest.fixture(params=["directory", "memory", "s3"])
def open_again(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Opener:
    """Opens one and the same store, as another server would."""
    if request.param == "directory":
        return lambda: DirectoryStore(tmp_path / "models")
    if request.param == "memory":
        bucket = Bucket(MemoryStore())
        return lambda: ObjectStore(bucket)
    for name, value in request.getfixturevalue("s3").items():
        monkeypatch.setenv(name, value)
    return lambda: open_store(Settings(store=f"s3://models/{tmp_path.name}"))


@pytest.fixture
def store(open_again: Opener) -> Store:
    return open_again()
