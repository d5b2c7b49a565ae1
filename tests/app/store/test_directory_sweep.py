"""The sweep of a directory: what it deletes, and what it leaves to the next."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from app.store import DirectoryStore, Swept, new_id
from app.store.directory import sweeper
from app.store.interface import ABANDONED_SECONDS, RECORD_SECONDS
from tests.app.stored import revision_of, stored


@pytest.fixture
def store(tmp_path: Path) -> DirectoryStore:
    return DirectoryStore(tmp_path / "models")


@pytest.mark.parametrize(
    ("place", "seconds"),
    [
        ("{}.abcd.part", ABANDONED_SECONDS),
        ("{}.images", ABANDONED_SECONDS),
        ("records/{}.record", RECORD_SECONDS),
        ("records/{}.abcd.part", ABANDONED_SECONDS),
    ],
)
def test_a_sweep_removes_old_records_and_leftovers_of_a_killed_server(
    store: DirectoryStore, place: str, seconds: float
) -> None:
    ours = store.of("ours")
    ours.claim("0" * 64, b"")
    old, young = (ours.directory / place.format(new_id()) for _ in range(2))
    for path in (old, young):
        path.write_bytes(b"x")
    then = time.time() - seconds - 1
    os.utime(old, (then, then))
    store.sweep()
    assert not old.exists()
    assert young.exists()


def test_a_sweep_reads_no_model_twice_and_still_sees_it_expire(
    store: DirectoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, old = stored(), stored(expires_in=0.3)
    for each in (kept, old):
        store.put(each)
    assert store.sweep().models == 0
    monkeypatch.setattr(sweeper, "read_header", lambda _: pytest.fail("read again"))
    time.sleep(0.4)
    assert store.sweep().models == 1
    assert store.sweep().models == 0
    assert revision_of(store, kept.record.id)
    assert revision_of(store, old.record.id) is None


def test_a_sweep_goes_on_after_a_file_that_fails_and_logs_it_once(store: DirectoryStore) -> None:
    bad, old = stored(), stored(expires_in=-1)
    for each in (bad, old):
        store.put(each)
    (store.directory / f"{bad.record.id}.safetensors").write_bytes(b"damaged")
    with structlog.testing.capture_logs() as logs:
        assert store.sweep().models == 1
        assert store.sweep().models == 0
    assert [entry["place"] for entry in logs] == [str(store.directory / f"{bad.record.id}.safetensors")]


def test_a_sweep_deletes_a_limited_number_of_models(store: DirectoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeper, "PASS", 2)
    for _ in range(5):
        store.put(stored(expires_in=-1))
    assert [store.sweep().models for _ in range(4)] == [2, 2, 1, 0]


def test_a_folder_or_file_that_cannot_be_swept_keeps_no_other_from_it(
    store: DirectoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs, ours = store.of("a"), store.of("b")
    theirs.put(stored(expires_in=-1))
    ours.put(stored(expires_in=-1))
    (ours.directory / "old.part").touch()
    os.utime(ours.directory / "old.part", (0, 0))
    scan, unlink = os.scandir, Path.unlink

    def scan_unless_theirs(path: str | Path) -> Iterator[os.DirEntry[str]]:
        if Path(path) == theirs.directory:
            raise PermissionError(13, "Permission denied")
        return scan(path)

    def unlink_unless_part(path: Path, missing_ok: bool = False) -> None:
        if path.name == "old.part":
            raise PermissionError(13, "Permission denied")
        unlink(path, missing_ok)

    monkeypatch.setattr(os, "scandir", scan_unless_theirs)
    monkeypatch.setattr(Path, "unlink", unlink_unless_part)
    with structlog.testing.capture_logs() as logs:
        assert store.sweep() == Swept(models=1, failures=2)
        assert store.sweep() == Swept(models=0, failures=2)
    assert [entry["place"] for entry in logs] == [str(theirs.directory), str(ours.directory / "old.part")]
    monkeypatch.undo()
    assert store.sweep() == Swept(models=1, failures=0)
