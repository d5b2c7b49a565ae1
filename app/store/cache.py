"""Adapted models that were used lately, in memory."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

from app.observability.metrics import Metrics
from app.store import ModelKey, Stored, is_expired


class ModelSource(Protocol):
    """Where models come from."""

    async def load(self, key: ModelKey) -> Stored:
        """Return a model. Raises ModelNotFound and others."""

    async def revision(self, key: ModelKey) -> str | None:
        """Return, quickly, which revision `load` would give, or None."""


@dataclass
class _Entry:
    stored: Stored
    checked: float  # when it was last known to be the store's


class ModelCache:
    """Keeps the models used last within `max_bytes`, and beyond them those in use and those whose ids are `pinned`.

    A model is loaded once for all who wait for it. Whether the store still has this revision is asked when the last
    answer is `fresh_seconds` old. For the event loop's thread alone.
    """

    def __init__(
        self,
        source: ModelSource,
        max_bytes: int,
        fresh_seconds: float = 0,
        pinned: Collection[str] = (),
        metrics: Metrics | None = None,
    ) -> None:
        self.source = source
        self.max_bytes = max_bytes
        self.fresh_seconds = fresh_seconds
        self.pinned = pinned
        self.metrics = metrics or Metrics()
        self.bytes = 0
        self._models: OrderedDict[ModelKey, _Entry] = OrderedDict()
        self._loading: dict[ModelKey, asyncio.Future[Stored]] = {}
        self._users: Counter[ModelKey] = Counter()

    def __len__(self) -> int:
        return len(self._models)

    @asynccontextmanager
    async def using(self, key: ModelKey) -> AsyncIterator[Stored]:
        """Yield the model as it is in the store, which stays here for as long. Raises what `source.load` raises."""
        self._users[key] += 1
        try:
            stored = await self._get(key)
            if not await self._is_current(key, stored):
                self._forget(key, stored)
                stored = await self._get(key)  # as it is now; or the error that says it is gone
            yield stored
        finally:
            self._users[key] -= 1
            self._users += Counter()  # without those at zero
            self._evict()

    def put(self, key: ModelKey, stored: Stored) -> None:
        """Keep a model that is in the store; evict others until it fits."""
        self.drop(key)
        self._add(key, _Entry(stored, time.monotonic()))

    def drop(self, key: ModelKey) -> None:
        """Forget a model, and a load of it that is under way."""
        self._loading.pop(key, None)
        if entry := self._models.pop(key, None):
            self.bytes -= size_of(entry.stored)

    async def _get(self, key: ModelKey) -> Stored:
        if key in self._models:
            self.metrics.lookup("hit")
            self._models.move_to_end(key)
            return self._models[key].stored
        self.metrics.lookup("shared" if key in self._loading else "miss")
        if key not in self._loading:
            self._loading[key] = asyncio.ensure_future(self._load(key))
        # Shielded: the first who asked may leave while others still wait.
        return await asyncio.shield(self._loading[key])

    async def _load(self, key: ModelKey) -> Stored:
        task, start = asyncio.current_task(), time.monotonic()
        try:
            stored = await self.source.load(key)
            if self._loading.get(key) is task:  # else it was dropped meanwhile
                self._add(key, _Entry(stored, start))
            return stored
        finally:
            if self._loading.get(key) is task:
                del self._loading[key]

    async def _is_current(self, key: ModelKey, stored: Stored) -> bool:
        entry, now = self._models.get(key), time.monotonic()
        if is_expired(stored.record):
            return False
        if entry and entry.stored is stored and now - entry.checked < self.fresh_seconds:
            return True
        if await self.source.revision(key) != stored.revision:
            return False
        if entry:
            entry.checked = now
        return True

    def _add(self, key: ModelKey, entry: _Entry) -> None:
        self._models[key] = entry
        self.bytes += size_of(entry.stored)
        self._evict()

    def _forget(self, key: ModelKey, stored: Stored) -> None:
        """Forget a model, unless another is in its place already."""
        entry = self._models.get(key)
        if entry and entry.stored is stored:
            self.drop(key)

    def _evict(self) -> None:
        if self.bytes <= self.max_bytes:
            return
        for key in list(self._models):
            if key not in self._users and key[1] not in self.pinned:
                self.metrics.evicted()
                self.drop(key)
            if self.bytes <= self.max_bytes:
                return


def size_of(stored: Stored) -> int:
    """Return the bytes of its tensors."""
    return sum(tensor.nbytes for tensor in stored.tensors.values())
