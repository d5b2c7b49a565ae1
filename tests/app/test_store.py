"""The directory store keeps whole models and nothing else."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import torch

from app.errors import ModelDamaged, ModelNotFound, StoreUnavailable
from app.schemas import CheckpointRef, Model
from app.store import ABANDONED_SECONDS, ID, DirectoryStore, Stored, new_id


def stored(model_id: str | None = None, expires_in: float | None = None) -> Stored:
    now = datetime.now(UTC)
    model = Model(
        id=model_id or new_id(),
        name="ünïcödé",
        checkpoint=CheckpointRef(name="omniglot", digest="sha256:0"),
        classes=["a", "b"],
        created_at=now,
        expires_at=now + timedelta(seconds=expires_in) if expires_in is not None else None,
        shots={"a": 1, "b": 2},
        steps=5,
        learning_rate=1e-3,
        loss_curve=[0.5, 0.1],
        support_accuracy=1,
        hardest_images=[],
    )
    return Stored(model, {"head.weight": torch.randn(2, 3), "head.bias": torch.zeros(2)})


@pytest.fixture
def store(tmp_path: Path) -> DirectoryStore:
    return DirectoryStore(tmp_path / "models")


def test_what_is_put_is_got(store: DirectoryStore) -> None:
    kept = stored()
    store.put(kept)
    got = DirectoryStore(store.directory).get(kept.model.id)
    assert got.model == kept.model == store.describe(kept.model.id)
    assert got.tensors.keys() == kept.tensors.keys()
    assert all(torch.equal(got.tensors[name], kept.tensors[name]) for name in kept.tensors)


def test_a_model_is_one_file(store: DirectoryStore) -> None:
    kept = stored()
    store.put(kept)
    assert [path.name for path in store.directory.iterdir()] == [f"{kept.model.id}.safetensors"]


def test_ids_sort_by_time_and_are_not_repeated() -> None:
    ids = [new_id() for _ in range(1000)]
    assert len(set(ids)) == 1000
    assert all(ID.fullmatch(each) for each in ids)
    time.sleep(0.002)
    assert new_id() > max(ids)


@pytest.mark.parametrize("model_id", ["", "..", "../x", "0" * 31, "0" * 33, "A" * 32, "0" * 31 + "/", "0" * 32 + "\n"])
def test_an_id_that_is_none_never_reaches_the_disk(store: DirectoryStore, model_id: str) -> None:
    for call in (store.get, store.describe, store.delete):
        with pytest.raises(ModelNotFound):
            call(model_id)


def test_a_deleted_model_is_not_found(store: DirectoryStore) -> None:
    kept = stored()
    store.put(kept)
    store.delete(kept.model.id)
    for call in (store.get, store.describe, store.delete):
        with pytest.raises(ModelNotFound):
            call(kept.model.id)


def test_expired_models_are_gone_at_once_and_swept_later(store: DirectoryStore) -> None:
    old, young, eternal = stored(expires_in=-1), stored(expires_in=60), stored()
    for each in (old, young, eternal):
        store.put(each)
    with pytest.raises(ModelNotFound):
        store.get(old.model.id)
    assert {model.id for model in store.page(10)[0]} == {young.model.id, eternal.model.id}
    assert store.sweep() == 1
    assert len(list(store.directory.iterdir())) == 2


def test_pages_are_newest_first_and_skip_and_repeat_nothing(store: DirectoryStore) -> None:
    ids = [f"{number:032x}" for number in range(7)]
    for each in ids:
        store.put(stored(each))
    seen: list[str] = []
    cursor = None
    for _ in range(3):
        models, cursor = store.page(3, cursor)
        seen += [model.id for model in models]
    assert seen == ids[::-1]
    assert cursor is None


def test_a_page_that_takes_all_has_no_next(store: DirectoryStore) -> None:
    store.put(stored())
    assert store.page(1)[1] is None


def test_a_half_written_file_is_never_listed(store: DirectoryStore) -> None:
    kept = stored()
    store.put(kept)
    whole = (store.directory / f"{kept.model.id}.safetensors").read_bytes()
    other = new_id()
    (store.directory / f"{other}.abcd.part").write_bytes(whole[:100])
    assert [model.id for model in store.page(10)[0]] == [kept.model.id]
    with pytest.raises(ModelNotFound):
        store.get(other)


def test_a_damaged_file_is_told_from_a_missing_one_and_spoils_no_list(store: DirectoryStore) -> None:
    kept, bad = stored(), stored()
    for each in (kept, bad):
        store.put(each)
    path = store.directory / f"{bad.model.id}.safetensors"
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(ModelDamaged, match=bad.model.id):
        store.get(bad.model.id)
    assert [model.id for model in store.page(10)[0]] == [kept.model.id]
    assert store.sweep() == 0
    store.delete(bad.model.id)


def test_a_directory_that_is_named_as_a_model_spoils_nothing(store: DirectoryStore) -> None:
    kept, old = stored(), stored(expires_in=-1)
    for each in (kept, old):
        store.put(each)
    for name in (f"{'0' * 32}.safetensors", f"{'f' * 32}.safetensors", "old.part"):
        (store.directory / name).mkdir()
        os.utime(store.directory / name, (0, 0))
    assert [model.id for model in store.page(10)[0]] == [kept.model.id]
    assert store.sweep() == 1


def test_an_expired_model_is_not_found_by_those_who_delete_it_either(store: DirectoryStore) -> None:
    old = stored(expires_in=-1)
    store.put(old)
    with pytest.raises(ModelNotFound):
        store.delete(old.model.id)


def test_a_model_has_another_revision_after_each_update(store: DirectoryStore) -> None:
    kept = stored()
    assert store.revision(kept.model.id) is None
    assert store.put(kept).revision == store.revision(kept.model.id) == store.get(kept.model.id).revision
    before = store.revision(kept.model.id)
    store.update(kept.model.id, lambda model: model)
    assert store.revision(kept.model.id) not in (None, before)


def test_updates_by_several_servers_at_once_are_all_kept(store: DirectoryStore) -> None:
    kept = stored()
    store.put(kept)
    other = DirectoryStore(store.directory)

    def add(number: int) -> None:
        here = (store, other)[number % 2]
        here.update(kept.model.id, lambda model: model.model_copy(update={"classes": [*model.classes, str(number)]}))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add, range(20)))
    got = store.get(kept.model.id)
    assert sorted(got.model.classes) == sorted(["a", "b", *map(str, range(20))])
    assert torch.equal(got.tensors["head.weight"], kept.tensors["head.weight"])


def test_an_update_of_a_model_that_is_deleted_meanwhile_does_not_bring_it_back(store: DirectoryStore) -> None:
    kept = stored()
    store.put(kept)
    with ThreadPoolExecutor(1) as pool:

        def change(model: Model) -> Model:
            pool.submit(DirectoryStore(store.directory).delete, model.id)
            time.sleep(0.05)
            return model

        store.update(kept.model.id, change)
    assert store.revision(kept.model.id) is None
    with pytest.raises(ModelNotFound):
        store.update(kept.model.id, lambda model: model)


def test_images_go_when_their_model_goes(store: DirectoryStore) -> None:
    young, old, none = stored(), stored(expires_in=-1), stored()
    for each in (young, old):
        store.put(each, images=b"pictures")
    store.put(none)
    with store.images(young.model.id) as file:
        assert file.read() == b"pictures"
    with pytest.raises(ModelNotFound):
        store.images(none.model.id)
    assert store.sweep() == 1
    store.delete(young.model.id)
    assert [path.suffix for path in store.directory.iterdir()] == [".safetensors"]


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a directory nobody can write to, root neither")
def test_a_store_that_cannot_be_written_to_is_none() -> None:
    with pytest.raises(StoreUnavailable, match=r"/proc/self cannot be written to .* KSHOT_STORE"):
        DirectoryStore(Path("/proc/self"))


@pytest.mark.parametrize("suffix", [".abcd.part", ".images"])
def test_a_sweep_removes_old_leftovers_of_a_killed_server(store: DirectoryStore, suffix: str) -> None:
    old, young = (store.directory / f"{new_id()}{suffix}" for _ in range(2))
    for path in (old, young):
        path.write_bytes(b"x")
    then = time.time() - ABANDONED_SECONDS - 1
    os.utime(old, (then, then))
    store.sweep()
    assert not old.exists()
    assert young.exists()


def test_a_put_that_fails_leaves_nothing(store: DirectoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreUnavailable, match="No space"):
        store.put(stored())
    assert list(store.directory.iterdir()) == []


def test_a_tenant_sees_its_own_models_alone(store: DirectoryStore) -> None:
    ours, theirs, nobodys = stored(), stored(), stored()
    store.of("ours").put(ours, images=b"pictures")
    store.of("theirs").put(theirs)
    store.of("").put(nobodys)
    for tenant, kept in (("ours", ours), ("theirs", theirs), ("", nobodys)):
        assert [model.id for model in store.of(tenant).page(10)[0]] == [kept.model.id]
    for call in (store.of("theirs").get, store.of("theirs").delete, store.of("theirs").images, store.get, store.delete):
        with pytest.raises(ModelNotFound):
            call(ours.model.id)
    assert store.of("theirs").revision(ours.model.id) is None
    again = DirectoryStore(store.directory).of("ours")
    assert again.get(ours.model.id).model == ours.model


@pytest.mark.parametrize("tenant", ["..", "a/b", "/", "A", "a" * 65, "-a", "a\n", "é"])
def test_a_name_that_is_no_tenants_never_reaches_the_disk(store: DirectoryStore, tenant: str) -> None:
    with pytest.raises(ValueError, match="no name of a tenant"):
        store.of(tenant)
    assert list(store.directory.iterdir()) == []


def test_a_tenant_does_not_bring_a_store_back_that_is_gone(store: DirectoryStore) -> None:
    store.directory.rmdir()
    with pytest.raises(StoreUnavailable):
        store.of("ours")
    assert not store.directory.exists()


def test_a_sweep_is_of_all_tenants(store: DirectoryStore) -> None:
    for tenant in ("", "ours", "theirs"):
        store.of(tenant).put(stored(expires_in=-1))
        store.of(tenant).put(stored())
    old = store.directory / "tenant-ours" / f"{new_id()}.part"
    old.touch()
    os.utime(old, (0, 0))
    assert store.sweep() == 3
    assert store.sweep() == 0
    assert not old.exists()
    assert all(len(store.of(tenant).page(10)[0]) == 1 for tenant in ("", "ours", "theirs"))


def test_a_sweep_reads_no_model_twice_and_still_sees_it_expire(
    store: DirectoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, old = stored(), stored(expires_in=0.3)
    for each in (kept, old):
        store.put(each)
    assert store.sweep() == 0
    monkeypatch.setattr(DirectoryStore, "_read_header", lambda *_: pytest.fail("read again"))
    time.sleep(0.4)
    assert store.sweep() == 1
    assert store.sweep() == 0
    assert store.revision(kept.model.id)
    assert store.revision(old.model.id) is None
