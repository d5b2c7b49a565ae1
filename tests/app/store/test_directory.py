"""The store of a directory: its files, and how they fail."""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from unittest import mock

import pytest

from app.errors import ModelDamaged, ModelNotFound, StoreUnavailable
from app.store import DirectoryStore, new_id
from app.store.interface import Usage
from models import atomic_file
from tests.app.stored import stored


@pytest.fixture
def store(tmp_path: Path) -> DirectoryStore:
    return DirectoryStore(tmp_path / "models")


def test_a_model_is_one_file(store: DirectoryStore) -> None:
    kept = stored()
    store.put(kept)
    assert [path.name for path in store.directory.iterdir()] == [f"{kept.record.id}.safetensors"]


def test_a_half_written_file_is_never_listed(store: DirectoryStore) -> None:
    kept = stored()
    store.put(kept)
    whole = (store.directory / f"{kept.record.id}.safetensors").read_bytes()
    other = new_id()
    (store.directory / f"{other}.abcd.part").write_bytes(whole[:100])
    assert [model.id for model in store.page(10)[0]] == [kept.record.id]
    with pytest.raises(ModelNotFound):
        store.get(other)


def test_a_damaged_file_is_told_from_a_missing_one_and_left_out_of_lists(store: DirectoryStore) -> None:
    kept, bad = stored(), stored()
    for each in (kept, bad):
        store.put(each)
    path = store.directory / f"{bad.record.id}.safetensors"
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(ModelDamaged, match=bad.record.id):
        store.get(bad.record.id)
    assert [model.id for model in store.page(10)[0]] == [kept.record.id]
    assert store.sweep().models == 0
    store.delete(bad.record.id)


def test_images_without_their_model_are_erased_too(store: DirectoryStore) -> None:
    kept = store.put(stored(), b"images").record.id
    (store.directory / f"{kept}.safetensors").unlink()  # as if the server had died before it deleted the images
    assert store.erase() == []
    assert list(store.directory.glob("*.images")) == []


def test_usage_is_told_while_models_come_and_go(store: DirectoryStore) -> None:
    def churn(_: int) -> None:
        for _ in range(10):
            kept = stored()
            store.put(kept)
            store.delete(kept.record.id)

    with ThreadPoolExecutor(3) as pool:
        churning = [pool.submit(churn, number) for number in range(3)]
        while not all(each.done() for each in churning):
            assert store.usage().models <= 3
        assert [each.result() for each in churning] == [None] * 3


def test_a_directory_with_the_name_of_a_model_disturbs_nothing(store: DirectoryStore) -> None:
    kept, old = stored(), stored(expires_in=-1)
    for each in (kept, old):
        store.put(each)
    for name in (f"{'0' * 32}.safetensors", f"{'f' * 32}.safetensors", "old.part"):
        (store.directory / name).mkdir()
        os.utime(store.directory / name, (0, 0))
    assert [model.id for model in store.page(10)[0]] == [kept.record.id]
    assert store.sweep().models == 1


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a directory nobody can write to, root neither")
def test_a_directory_that_cannot_be_written_to_is_refused() -> None:
    with pytest.raises(StoreUnavailable, match=r"/proc/self cannot be written to .* KSHOT_STORE"):
        DirectoryStore(Path("/proc/self"))


def test_a_put_that_fails_leaves_nothing(store: DirectoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreUnavailable, match="No space"):
        store.put(stored())
    assert list(store.directory.iterdir()) == []


def test_a_tenant_does_not_bring_a_store_back_that_is_gone(store: DirectoryStore) -> None:
    store.directory.rmdir()
    with pytest.raises(StoreUnavailable):
        store.of("ours").put(stored())
    assert not store.directory.exists()


def test_a_tenant_whose_folder_is_gone_has_no_models_and_may_make_some(store: DirectoryStore) -> None:
    ours = store.of("ours")
    ours.put(stored())
    shutil.rmtree(ours.directory)
    assert ours.page(10) == ([], None)
    assert ours.usage() == Usage(0, 0)
    with pytest.raises(ModelNotFound):
        ours.delete(new_id())
    made = ours.put(stored())
    assert ours.get(made.record.id).record == made.record


def test_a_model_its_images_and_their_names_are_flushed_to_the_disk(
    store: DirectoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: flushed.append(os.fstat(descriptor).st_ino))
    kept = stored()
    store.put(kept, images=b"pictures")
    files = [store.directory / f"{kept.record.id}{suffix}" for suffix in (".safetensors", ".images")]
    assert flushed == [path.stat().st_ino for path in (*files, store.directory)]


def test_a_page_of_a_folder_at_rest_lists_it_once_and_sees_each_change(
    store: DirectoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = mock.Mock(wraps=os.listdir)
    monkeypatch.setattr(os, "listdir", listed)
    ids: list[str] = []

    def check(lists: int) -> None:
        os.utime(store.directory, ns=(0, time.time_ns() - 10**10 + len(listed.mock_calls)))
        listed.reset_mock()
        for _ in range(3):
            assert [model.id for model in store.page(10)[0]] == ids[::-1]
        assert listed.call_count == lists

    check(lists=1)
    for _ in range(3):
        ids.append(store.put(stored()).record.id)
        assert [model.id for model in store.page(10)[0]] == ids[::-1]
    check(lists=1)
    DirectoryStore(store.directory).delete(ids.pop(1))
    assert [model.id for model in store.page(10)[0]] == ids[::-1]
    check(lists=1)


def test_opening_a_store_reads_none_of_its_models(store: DirectoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store.put(stored())
    monkeypatch.setattr(os, "scandir", lambda *_: pytest.fail("listed"))
    DirectoryStore(store.directory)


def test_a_revision_that_cannot_be_read_is_none_and_keeps_no_other_back(
    store: DirectoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, bad = store.put(stored()), store.of("theirs").put(stored())
    stat = Path.stat

    def stat_unless_theirs(path: Path, **options: bool) -> os.stat_result:
        if path.parent.name == "tenant-theirs":
            raise PermissionError(13, "Permission denied")
        return stat(path, **options)

    monkeypatch.setattr(Path, "stat", stat_unless_theirs)
    assert store.revisions([("theirs", bad.record.id), ("", kept.record.id), ("", "../x")]) == [
        None,
        kept.revision,
        None,
    ]
    with pytest.raises(StoreUnavailable, match="Permission denied"):
        store.of("theirs").get(bad.record.id)


def test_a_folder_that_an_earlier_release_has_locked_is_waited_for_and_no_file_is_left(
    store: DirectoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(atomic_file, "LOCK_SECONDS", 0.1)
    descriptor = os.open(store.directory, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)  # as releases before did
    with pytest.raises(StoreUnavailable, match="another process keeps the folder locked"):
        store.put(stored())
    assert list(store.directory.iterdir()) == []
    os.close(descriptor)
    store.put(stored())
    assert len(list(store.directory.iterdir())) == 1
