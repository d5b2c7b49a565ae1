"""The store of a bucket: its keys, what a killed server leaves there, and a bucket that doesn't answer."""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Callable
from dataclasses import replace

import pytest
import structlog
from obstore.store import MemoryStore

from app.errors import ModelDamaged, ModelNotFound, StoreUnavailable
from app.settings import Settings
from app.store import Swept, new_id, open_store
from app.store.interface import ABANDONED_SECONDS, RECORD_SECONDS
from app.store.s3.bucket import Bucket, open_bucket
from app.store.s3.layout import Layout
from app.store.s3.object_store import ObjectStore
from tests.app.stored import revision_of, stored
from tests.s3 import running_s3


@pytest.fixture
def objects() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def store(objects: MemoryStore) -> ObjectStore:
    return ObjectStore(Bucket(objects))


def keys(objects: MemoryStore) -> list[str]:
    return [each["path"] for found in objects.list() for each in found]


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Puts the clock of marks forward."""
    now = time.time

    def put_forward(seconds: float) -> None:
        monkeypatch.setattr(time, "time", lambda: now() + seconds)

    return put_forward


def test_a_bucket_lists_the_newest_model_first(store: ObjectStore, objects: MemoryStore) -> None:
    ids = [f"{number:032x}" for number in (1, 2, 2**80, 2**120)]
    for each in ids:
        store.put(stored(each))
    assert keys(objects) == [Layout().model(each) for each in reversed(ids)]


def test_a_long_header_is_read_to_its_end(store: ObjectStore) -> None:
    kept = stored()
    long = replace(kept, record=kept.record.model_copy(update={"skipped": ["x" * 1000] * 100}))
    store.put(long)
    assert store.describe(long.record.id) == long.record


def test_a_damaged_object_is_told_from_a_missing_one_and_left_out_of_lists(
    store: ObjectStore, objects: MemoryStore
) -> None:
    kept, bad = stored(), stored()
    store.put(kept)
    store.put(bad, images=b"pictures")
    key = Layout().model(bad.record.id)
    objects.put(key, bytes(objects.get(key).bytes())[:-4])
    for call in (store.get, store.describe):
        with pytest.raises(ModelDamaged, match=bad.record.id):
            call(bad.record.id)
    assert [model.id for model in store.page(10)[0]] == [kept.record.id]
    store.delete(bad.record.id)
    assert revision_of(store, bad.record.id) is None
    assert not any(key.startswith("images/") for key in keys(objects))


def test_a_sweep_removes_images_whose_model_never_came(
    store: ObjectStore, objects: MemoryStore, later: Callable[[float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> None:
        raise KeyboardInterrupt

    whole = stored()
    store.of("ours").put(whole, images=b"pictures")
    with monkeypatch.context() as context:
        context.setattr(Bucket, "create", die)
        with pytest.raises(KeyboardInterrupt):
            store.of("ours").put(stored(), images=b"pictures")
    images = [key for key in keys(objects) if "/images/" in key]
    assert len(images) == 2
    assert store.sweep().models == 0
    assert len([key for key in keys(objects) if "/images/" in key]) == 2
    later(ABANDONED_SECONDS + 1)
    assert store.sweep().models == 0
    assert [key.split("/")[3] for key in keys(objects) if "/images/" in key] == [whole.record.id]
    assert not any(key.startswith("expiring/") for key in keys(objects))


def test_a_record_is_gone_after_a_day(store: ObjectStore, objects: MemoryStore, later: Callable[[float], None]) -> None:
    store.of("ours").claim("0" * 64, b"first")
    later(RECORD_SECONDS + 1)
    assert store.sweep().models == 0
    assert store.of("ours").recall("0" * 64) is None
    assert keys(objects) == []


def test_a_sweep_looks_at_nothing_that_is_not_due(store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    for expires_in in (None, 60):
        store.put(stored(expires_in=expires_in), images=b"pictures")
    monkeypatch.setattr(Bucket, "start", lambda *_: pytest.fail("read"))
    assert store.sweep().models == 0


def test_a_sweep_goes_on_after_an_object_that_fails_and_logs_it_once(store: ObjectStore, objects: MemoryStore) -> None:
    bad, old = stored(expires_in=-2), stored(expires_in=-1)
    for each in (bad, old):
        store.put(each)
    objects.put(Layout().model(bad.record.id), b"damaged")
    with structlog.testing.capture_logs() as logs:
        assert store.sweep().models == 1
        assert store.sweep().models == 0
    assert [entry["place"].endswith(bad.record.id) for entry in logs] == [True]


def test_a_model_put_again_while_it_is_deleted_keeps_its_images(store: ObjectStore) -> None:
    first = stored()
    again = stored(first.record.id)
    store.put(first, images=b"first")

    class Slow(Bucket):
        def delete(self, *deleted: str) -> None:
            super().delete(*deleted)
            if deleted[0].startswith("models/"):
                store.put(again, images=b"second")

    ObjectStore(Slow(store._bucket._client)).delete(first.record.id)
    with store.images(again.record.id) as file:
        assert file.read() == b"second"


@pytest.mark.parametrize("answers", [False, True])
def test_a_store_that_is_down_or_never_answers_is_refused_in_time(
    s3: dict[str, str], monkeypatch: pytest.MonkeyPatch, answers: bool
) -> None:
    for name, value in s3.items():
        monkeypatch.setenv(name, value)
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        if answers:
            deaf.listen()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{deaf.getsockname()[1]}")
        start = time.monotonic()
        with pytest.raises(StoreUnavailable, match=r"s3://models cannot be written to .* KSHOT_STORE and the AWS_"):
            open_bucket("s3://models", seconds=0.5)
        assert time.monotonic() - start < 3


def test_a_store_that_comes_back_has_what_it_had(monkeypatch: pytest.MonkeyPatch) -> None:
    with running_s3() as environment:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        store = open_store(Settings(store="s3://models", store_seconds=1))
        kept = stored()
        store.put(kept)
    calls = (lambda: store.put(stored()), lambda: store.get(kept.record.id), lambda: store.page(1), store.sweep)
    for call in (*calls, lambda: revision_of(store, kept.record.id)):
        with pytest.raises(StoreUnavailable, match=r"object store .* Try again later"):
            call()
    with running_s3(int(environment["AWS_ENDPOINT_URL"].rpartition(":")[2])):
        assert store.get(kept.record.id).record == kept.record
        assert [model.id for model in store.page(10)[0]] == [kept.record.id]
        with pytest.raises(ModelNotFound):
            store.get(new_id())


def test_a_bucket_without_the_package_for_it_names_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("app.store.s3.bucket", "app.store.s3.object_store"):
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "obstore.store", None)
    with pytest.raises(StoreUnavailable, match=r"needs the package obstore: pip install 'kshot\[s3\]'"):
        open_store(Settings(store="s3://models"))


@pytest.mark.parametrize(
    "key",
    [
        "expiring/0",
        "expiring/README.txt",
        "expiring/00000000000x/-/" + "0" * 32,
        "expiring/000000000001/-/strange",
        "expiring/000000000001/No tenant/" + "0" * 32,
        "expiring/000000000001/a/b/c",
    ],
)
def test_a_foreign_object_among_the_marks_keeps_no_sweep_from_the_rest(
    store: ObjectStore, objects: MemoryStore, key: str
) -> None:
    objects.put(key, b"")
    with structlog.testing.capture_logs() as logs:
        for _ in range(2):
            store.put(stored(expires_in=-1))
            assert store.sweep() == Swept(models=1, failures=1)
    assert [entry["place"] for entry in logs] == [key]
    assert keys(objects) == [key]


def test_marks_that_fail_keep_no_others_back_however_many(
    store: ObjectStore, objects: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.store.s3.sweeper.PASS", 2)
    for _ in range(3):
        bad = store.put(stored(expires_in=-2))
        objects.put(Layout().model(bad.record.id), b"damaged")
    for _ in range(3):
        store.put(stored(expires_in=-1))
    assert sum(store.sweep().models for _ in range(4)) == 3
    assert store.usage().models == 3
