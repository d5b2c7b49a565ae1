"""Adapted models that were used lately, in memory."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable

from app.store import Stored


class ModelCache:
    """Once `max_bytes` are full the least recently used go first; a model is loaded once for all who wait.

    For the event loop's thread alone. An evicted model stays valid in the hands of those who use it.
    """

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self.bytes = 0
        self._models: OrderedDict[str, Stored] = OrderedDict()
        self._loading: dict[str, asyncio.Future[Stored]] = {}

    async def get(self, model_id: str, load: Callable[[], Awaitable[Stored]]) -> Stored:
        """The model, by `load` if it isn't here. Raises what `load` raises."""
        if model_id in self._models:
            self._models.move_to_end(model_id)
            return self._models[model_id]
        if model_id not in self._loading:
            self._loading[model_id] = asyncio.ensure_future(self._load(model_id, load))
        # Shielded: the first who asked may leave while others still wait.
        return await asyncio.shield(self._loading[model_id])

    def put(self, stored: Stored) -> None:
        """Keeps a model, and evicts others until it fits."""
        self.drop(stored.model.id)
        self._models[stored.model.id] = stored
        self.bytes += size_of(stored)
        while self.bytes > self.max_bytes:
            _, evicted = self._models.popitem(last=False)
            self.bytes -= size_of(evicted)

    def drop(self, model_id: str) -> None:
        """Forgets a model, and a load of it under way."""
        self._loading.pop(model_id, None)
        if stored := self._models.pop(model_id, None):
            self.bytes -= size_of(stored)

    async def _load(self, model_id: str, load: Callable[[], Awaitable[Stored]]) -> Stored:
        task = asyncio.current_task()
        try:
            stored = await load()
            if self._loading.get(model_id) is task:  # else it was dropped meanwhile
                self.put(stored)
            return stored
        finally:
            if self._loading.get(model_id) is task:
                del self._loading[model_id]


def size_of(stored: Stored) -> int:
    """Bytes of its tensors."""
    return sum(tensor.nbytes for tensor in stored.tensors.values())
