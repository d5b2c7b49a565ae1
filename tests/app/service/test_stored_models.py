"""Revisions that are asked for together are looked up together, and wait for no lookup that had begun before."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from threading import Event

import pytest

from app.errors import StoreUnavailable
from app.service.stored_models import RevisionLookups, StoreThreads
from app.store import DirectoryStore, ModelKey
from tests.app.stored import stored

SECONDS = 0.2


@pytest.fixture
def may_end() -> Iterator[Event]:
    event = Event()
    yield event
    event.set()


class WatchedStore(DirectoryStore):
    """Counts lookups; one of the key HANGING hangs until it may end."""

    HANGING = ("hanging", "0" * 32)

    def __init__(self, directory: Path, may_end: Event) -> None:
        super().__init__(directory)
        self.lookups: list[list[ModelKey]] = []
        self.down = False
        self._may_end = may_end

    def revisions(self, keys: Iterable[ModelKey]) -> list[str | None]:
        keys = list(keys)
        self.lookups.append(keys)
        if self.down:
            raise StoreUnavailable("down")
        if self.HANGING in keys:
            self._may_end.wait(10)
        return super().revisions(keys)


@pytest.fixture
def store(tmp_path: Path, may_end: Event) -> WatchedStore:
    return WatchedStore(tmp_path / "models", may_end)


async def until_looked_up(store: WatchedStore) -> None:
    deadline = time.monotonic() + 10
    while not store.lookups:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.001)


def test_keys_that_come_together_are_looked_up_at_once_and_each_gets_its_own_revision(store: WatchedStore) -> None:
    ours, theirs = store.put(stored()), store.of("theirs").put(stored())
    keys = [("", ours.record.id), ("theirs", theirs.record.id), ("", theirs.record.id)]

    async def scenario() -> list[str | None]:
        lookups = RevisionLookups(store, StoreThreads("test", SECONDS))
        return await asyncio.gather(*map(lookups.find, keys))

    assert asyncio.run(scenario()) == [ours.revision, theirs.revision, None]
    assert store.lookups == [keys]


def test_a_lookup_does_not_wait_for_one_that_had_begun_before(store: WatchedStore, may_end: Event) -> None:
    kept = store.put(stored())

    async def scenario() -> None:
        lookups = RevisionLookups(store, StoreThreads("test", 10))
        hanging = asyncio.create_task(lookups.find(store.HANGING))
        await until_looked_up(store)
        assert await lookups.find(("", kept.record.id)) == kept.revision
        assert not hanging.done()
        may_end.set()
        assert await hanging is None

    asyncio.run(scenario())


def test_a_caller_that_leaves_takes_no_other_along(store: WatchedStore) -> None:
    kept = store.put(stored())

    async def scenario() -> str | None:
        lookups = RevisionLookups(store, StoreThreads("test", SECONDS))
        leaving = asyncio.create_task(lookups.find(("", kept.record.id)))
        staying = asyncio.create_task(lookups.find(("", kept.record.id)))
        await asyncio.sleep(0)
        leaving.cancel()
        return await staying

    assert asyncio.run(scenario()) == kept.revision


def test_all_are_told_that_the_store_is_down_and_the_next_is_served(store: WatchedStore) -> None:
    kept = store.put(stored())
    key = ("", kept.record.id)

    async def scenario() -> None:
        lookups = RevisionLookups(store, StoreThreads("test", SECONDS))
        store.down = True
        refused = await asyncio.gather(*(lookups.find(key) for _ in range(3)), return_exceptions=True)
        assert [type(each) for each in refused] == [StoreUnavailable] * 3
        store.down = False
        assert await lookups.find(key) == kept.revision

    asyncio.run(scenario())


def test_all_who_find_no_free_thread_are_told_so_and_the_next_is_served(store: WatchedStore, may_end: Event) -> None:
    kept = store.put(stored())
    key = ("", kept.record.id)

    async def scenario() -> None:
        lookups = RevisionLookups(store, StoreThreads("test", SECONDS, threads=1))
        hanging = asyncio.create_task(lookups.find(store.HANGING))
        await until_looked_up(store)
        refused = await asyncio.gather(*(lookups.find(key) for _ in range(3)), return_exceptions=True)
        assert [type(each) for each in refused] == [StoreUnavailable] * 3
        may_end.set()
        await hanging
        assert await lookups.find(key) == kept.revision

    asyncio.run(scenario())
