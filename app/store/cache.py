"""Adapted models that were used lately, in memory."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Hashable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from app.observability.metrics import Metrics
from app.store import Stored, is_expired


@dataclass(frozen=True)
class Source:
    """Where one model comes from: `load` gives it, `revision` quickly says which one would come."""

    load: Callable[[], Awaitable[Stored]]
    revision: Callable[[], Awaitable[str | None]]


@dataclass
class _Entry:
    stored: Stored
    checked: float  # when it was last known to be the store's


class ModelCache:
    """Once `max_bytes` are full the least recently used go first, but none in use and none whose id is `pinned`.

    A model is loaded once for all who wait, and its revision asked for when the last answer is `fresh_seconds` old.
    Keys have to tell tenants apart: for what is here nobody is asked. For the event loop's thread alone.
    """

    def __init__(
        self,
        max_bytes: int,
        fresh_seconds: float = 0,
        pinned: Collection[str] = (),
        metrics: Metrics | None = None,
    ) -> None:
        self.max_bytes = max_bytes
        self.fresh_seconds = fresh_seconds
        self.pinned = pinned
        self.metrics = metrics or Metrics()
        self.bytes = 0
        self._models: OrderedDict[Hashable, _Entry] = OrderedDict()
        self._loading: dict[Hashable, asyncio.Future[Stored]] = {}
        self._users: Counter[Hashable] = Counter()

    def __len__(self) -> int:
        return len(self._models)

    @asynccontextmanager
    async def using(self, key: Hashable, source: Source) -> AsyncIterator[Stored]:
        """The model as it is in the store, here until it isn't used any more. Raises what `source` raises."""
        self._users[key] += 1
        try:
            stored = await self._get(key, source)
            if not await self._is_current(key, stored, source):
                self._forget(key, stored)
                stored = await self._get(key, source)  # as it is now; or the error that says it is gone
            yield stored
        finally:
            self._users[key] -= 1
            self._users += Counter()  # without those at zero
            self._evict()

    def put(self, key: Hashable, stored: Stored) -> None:
        """Keeps a model that is in the store, and evicts others until it fits."""
        self.drop(key)
        self._add(key, _Entry(stored, time.monotonic()))

    def drop(self, key: Hashable) -> None:
        """Forgets a model, and a load of it under way."""
        self._loading.pop(key, None)
        if entry := self._models.pop(key, None):
            self.bytes -= size_of(entry.stored)

    async def _get(self, key: Hashable, source: Source) -> Stored:
        if key in self._models:
            self.metrics.lookup("hit")
            self._models.move_to_end(key)
            return self._models[key].stored
        self.metrics.lookup("shared" if key in self._loading else "miss")
        if key not in self._loading:
            self._loading[key] = asyncio.ensure_future(self._load(key, source))
        # Shielded: the first who asked may leave while others still wait.
        return await asyncio.shield(self._loading[key])

    async def _load(self, key: Hashable, source: Source) -> Stored:
        task, start = asyncio.current_task(), time.monotonic()
        try:
            stored = await source.load()
            if self._loading.get(key) is task:  # else it was dropped meanwhile
                self._add(key, _Entry(stored, start))
            return stored
        finally:
            if self._loading.get(key) is task:
                del self._loading[key]

    async def _is_current(self, key: Hashable, stored: Stored, source: Source) -> bool:
        entry, now = self._models.get(key), time.monotonic()
        if is_expired(stored.record):
            return False
        if entry and entry.stored is stored and now - entry.checked < self.fresh_seconds:
            return True
        if await source.revision() != stored.revision:
            return False
        if entry:
            entry.checked = now
        return True

    def _add(self, key: Hashable, entry: _Entry) -> None:
        self._models[key] = entry
        self.bytes += size_of(entry.stored)
        self._evict()

    def _forget(self, key: Hashable, stored: Stored) -> None:
        """Unless another is in its place already."""
        entry = self._models.get(key)
        if entry and entry.stored is stored:
            self.drop(key)

    def _evict(self) -> None:
        if self.bytes <= self.max_bytes:
            return
        for key, entry in list(self._models.items()):
            if key not in self._users and entry.stored.record.id not in self.pinned:
                self.metrics.evicted()
                self.drop(key)
            if self.bytes <= self.max_bytes:
                return


def size_of(stored: Stored) -> int:
    """Bytes of its tensors."""
    return sum(tensor.nbytes for tensor in stored.tensors.values())
