"""Every store keeps whole models and nothing else, for any number of servers."""

from __future__ import annotations

import hashlib
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
import torch

from app.errors import ModelNotFound, RecordOutdated, RecordTooNew
from app.store import Store, Usage, new_id
from app.store.ids import ID
from app.store.records import ModelRecord
from tests.app.store.conftest import Opener
from tests.app.stored import put_newer, revision_of, stored


class WithOwner(ModelRecord):
    owner: str


def test_a_model_comes_back_as_it_was_put(store: Store, open_again: Opener) -> None:
    kept = stored()
    store.put(kept)
    got = open_again().get(kept.record.id)
    assert got.record == kept.record == store.describe(kept.record.id)
    assert got.tensors.keys() == kept.tensors.keys()
    assert all(torch.equal(got.tensors[name], kept.tensors[name]) for name in kept.tensors)


def test_ids_sort_by_time_and_are_not_repeated() -> None:
    ids = [new_id() for _ in range(1000)]
    assert len(set(ids)) == 1000
    assert all(ID.fullmatch(each) for each in ids)
    time.sleep(0.002)
    assert new_id() > max(ids)


@pytest.mark.parametrize("model_id", ["", "..", "../x", "0" * 31, "0" * 33, "A" * 32, "0" * 31 + "/", "0" * 32 + "\n"])
def test_what_is_no_id_never_reaches_the_disk(store: Store, model_id: str) -> None:
    for call in (store.get, store.describe, store.delete):
        with pytest.raises(ModelNotFound):
            call(model_id)


def test_a_deleted_model_is_not_found(store: Store) -> None:
    kept = stored()
    store.put(kept)
    store.delete(kept.record.id)
    for call in (store.get, store.describe, store.delete):
        with pytest.raises(ModelNotFound):
            call(kept.record.id)


def test_all_that_is_kept_of_a_tenant_is_erased_and_nothing_of_others(store: Store) -> None:
    ours, theirs = store.of("alice"), store.of("bob")
    kept = [stored(), stored(), stored(expires_in=-1)]
    for each in kept:
        ours.put(each, b"images")
    ours.claim("0" * 64, b"{}")
    spared = stored()
    theirs.put(spared, b"images")
    assert sorted(ours.erase()) == sorted(each.record.id for each in kept)
    assert ours.usage() == Usage(0, 0)
    assert ours.recall("0" * 64) is None
    assert ours.erase() == []
    with theirs.images(spared.record.id) as images:
        assert images.read() == b"images"


def test_erasing_spares_what_a_newer_build_wrote_and_says_so(store: Store) -> None:
    newer, old = put_newer(store), stored()
    store.put(old)
    with pytest.raises(RecordTooNew, match="1 of the models"):
        store.erase()
    with pytest.raises(ModelNotFound):
        store.get(old.record.id)
    with pytest.raises(RecordTooNew):
        store.get(newer)


def test_what_this_build_cannot_bring_up_to_date_can_be_deleted(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    deleted, erased = (store.put(stored(), b"images").record.id for _ in range(2))
    monkeypatch.setattr("app.store.model_file.ModelRecord", WithOwner)
    with pytest.raises(RecordOutdated):
        store.describe(deleted)
    store.delete(deleted)
    assert store.erase() == [erased]
    assert store.usage() == Usage(0, 0)


def test_expired_models_are_gone_at_once_and_swept_later(store: Store) -> None:
    old, young, eternal = stored(expires_in=-1), stored(expires_in=60), stored()
    for each in (old, young, eternal):
        store.put(each)
    with pytest.raises(ModelNotFound):
        store.get(old.record.id)
    assert {model.id for model in store.page(10)[0]} == {young.record.id, eternal.record.id}
    assert store.usage().models == 3
    assert store.sweep().models == 1
    assert store.usage().models == 2


def test_pages_are_newest_first_and_skip_and_repeat_nothing(store: Store) -> None:
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


def test_a_page_that_takes_all_has_no_next(store: Store) -> None:
    store.put(stored())
    assert store.page(1)[1] is None


def test_an_expired_model_cannot_be_deleted_as_it_is_not_found(store: Store) -> None:
    old = stored(expires_in=-1)
    store.put(old)
    with pytest.raises(ModelNotFound):
        store.delete(old.record.id)


def test_a_model_has_another_revision_after_each_change(store: Store) -> None:
    kept = stored()
    assert revision_of(store, kept.record.id) is None
    assert store.put(kept).revision == revision_of(store, kept.record.id) == store.get(kept.record.id).revision
    before = revision_of(store, kept.record.id)
    store.update(kept.record.id, lambda model: model.model_copy(update={"name": "other"}))
    assert revision_of(store, kept.record.id) not in (None, before)


def test_updates_by_several_servers_at_once_are_all_kept(store: Store, open_again: Opener) -> None:
    kept = stored()
    store.put(kept)
    other = open_again()

    def add(number: int) -> None:
        here = (store, other)[number % 2]
        here.update(kept.record.id, lambda model: model.model_copy(update={"classes": [*model.classes, str(number)]}))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add, range(20)))
    got = store.get(kept.record.id)
    assert sorted(got.record.classes) == sorted(["a", "b", *map(str, range(20))])
    assert torch.equal(got.tensors["head.weight"], kept.tensors["head.weight"])


def test_an_update_of_a_model_that_is_deleted_meanwhile_does_not_bring_it_back(
    store: Store, open_again: Opener
) -> None:
    kept = stored()
    store.put(kept)
    with ThreadPoolExecutor(1) as pool:

        def change(model: ModelRecord) -> ModelRecord:
            pool.submit(open_again().delete, model.id)
            time.sleep(0.1)
            return model

        with suppress(ModelNotFound):  # or the update comes first
            store.update(kept.record.id, change)
    assert revision_of(store, kept.record.id) is None
    with pytest.raises(ModelNotFound):
        store.update(kept.record.id, lambda model: model)


def test_images_go_when_their_model_goes(store: Store) -> None:
    young, old, none = stored(), stored(expires_in=-1), stored()
    for each in (young, old):
        store.put(each, images=b"pictures")
    store.put(none)
    with store.images(young.record.id) as file:
        assert file.read() == b"pictures"
    with pytest.raises(ModelNotFound):
        store.images(none.record.id)
    assert store.sweep().models == 1
    store.delete(young.record.id)
    assert store.usage().models == 1
    for gone in (young, old):
        with pytest.raises(ModelNotFound):
            store.images(gone.record.id)


def test_a_tenant_sees_its_own_models_alone(store: Store, open_again: Opener) -> None:
    ours, theirs, nobodys = stored(), stored(), stored()
    store.of("ours").put(ours, images=b"pictures")
    store.of("theirs").put(theirs)
    store.of("").put(nobodys)
    for tenant, kept in (("ours", ours), ("theirs", theirs), ("", nobodys)):
        assert [model.id for model in store.of(tenant).page(10)[0]] == [kept.record.id]
    for call in (store.of("theirs").get, store.of("theirs").delete, store.of("theirs").images, store.get, store.delete):
        with pytest.raises(ModelNotFound):
            call(ours.record.id)
    assert revision_of(store, ours.record.id, "theirs") is None
    again = open_again().of("ours")
    assert again.get(ours.record.id).record == ours.record


@pytest.mark.parametrize("tenant", ["..", "a/b", "/", "A", "a" * 65, "-a", "a\n", "é"])
def test_what_is_no_name_of_a_tenant_is_refused(store: Store, tenant: str) -> None:
    with pytest.raises(ValueError, match="no name of a tenant"):
        store.of(tenant)


def test_a_sweep_covers_all_tenants(store: Store) -> None:
    for tenant in ("", "ours", "theirs"):
        store.of(tenant).put(stored(expires_in=-1))
        store.of(tenant).put(stored())
    assert store.sweep().models == 3
    assert store.sweep().models == 0
    assert all(len(store.of(tenant).page(10)[0]) == 1 for tenant in ("", "ours", "theirs"))


def test_of_two_models_with_one_id_the_first_stays(store: Store, open_again: Opener) -> None:
    first = stored()
    second = stored(first.record.id)
    assert store.put(first, images=b"first").revision == open_again().put(second, images=b"second").revision
    assert torch.equal(store.get(first.record.id).tensors["head.weight"], first.tensors["head.weight"])
    with store.images(first.record.id) as file:
        assert file.read() == b"first"


def test_servers_that_create_and_delete_the_same_ids_leave_whole_models(open_again: Opener) -> None:
    ids = [new_id() for _ in range(3)]

    def work(number: int) -> None:
        store, ours = open_again(), ids[number % 3]
        for _ in range(4):
            store.put(stored(ours), images=b"pictures")
            with suppress(ModelNotFound):
                store.delete(ours)
        store.put(stored(ours), images=b"pictures")

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(6)))
    store = open_again()
    left = [model.id for model in store.page(10)[0]]
    for each in left:
        assert store.get(each).record.id == each
        with store.images(each) as file:
            assert file.read() == b"pictures"
    assert {each for each in ids if revision_of(store, each)} == set(left)


def test_all_who_claim_a_name_at_once_learn_who_was_first(open_again: Opener) -> None:
    name = hashlib.sha256(b"key").hexdigest()
    with ThreadPoolExecutor(8) as pool:
        kept = set(pool.map(lambda number: open_again().claim(name, str(number).encode()), range(8)))
    assert len(kept) == 1
    assert {open_again().claim(name, b"later")} == {open_again().recall(name)} == kept
    assert open_again().of("other").recall(name) is None
    assert open_again().of("other").claim(name, b"theirs") == b"theirs"
    assert open_again().page(10) == ([], None)


@pytest.mark.parametrize("name", ["", "key", "../" + "0" * 61, "A" * 64, "0" * 64 + "\n"])
def test_a_record_is_named_by_a_digest(store: Store, name: str) -> None:
    with pytest.raises(ValueError, match="no name of a record"):
        store.claim(name, b"")
    with pytest.raises(ValueError, match="no name of a record"):
        store.recall(name)


def test_usage_counts_a_tenants_models_and_their_bytes(store: Store) -> None:
    assert store.usage() == Usage(0, 0)
    store.of("theirs").put(stored(), images=b"x" * 1000)
    store.put(stored())
    alone = store.usage().bytes
    store.put(stored(), images=b"x" * 1000)
    usage = store.usage()
    assert usage.models == 2
    assert 0 <= usage.bytes - (2 * alone + 1000) < 100  # a header may name its images
