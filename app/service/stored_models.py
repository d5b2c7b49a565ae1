"""The store as the event loop reaches it: calls in threads, models on the device, revisions looked up together."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar, TypeVarTuple

from app.engine.checkpoint_registry import CheckpointRegistry
from app.engine.work import HOST
from app.errors import StoreUnavailable
from app.store import ModelKey, Store, Stored
from app.store.own_pages import in_own_pages
from app.threads import NoThreadFree, Workers
from models.parameters import move

THREADS = 32
T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class StoreThreads(Workers):
    """Threads for one kind of call on the store; a call that finds no thread in time raises StoreUnavailable."""

    def __init__(self, name: str, wait_seconds: float, threads: int = THREADS) -> None:
        super().__init__(threads, name, wait_seconds)

    async def run(self, function: Callable[[*Ts], T], *args: *Ts) -> T:
        """See Workers."""
        try:
            return await super().run(function, *args)
        except NoThreadFree:
            detail = (
                f"The store is busy with earlier requests: {self.wait_seconds:g} s were not enough. Try again later."
            )
            raise StoreUnavailable(detail) from None


class StoredModels:
    """The models of a store, their tensors on the device that computes by them."""

    def __init__(self, store: Store, checkpoints: CheckpointRegistry, reads: StoreThreads) -> None:
        self._store = store
        self._checkpoints = checkpoints
        self._reads = reads
        self._revisions = RevisionLookups(store, reads)

    async def load(self, key: ModelKey) -> Stored:
        """Return a model. Raises ModelNotFound, ModelDamaged, RecordError or StoreUnavailable."""
        return await self._reads.run(self._load, key)

    async def revision(self, key: ModelKey) -> str | None:
        """Return which revision of a model would be loaded, or None. Raises StoreUnavailable."""
        return await self._revisions.find(key)

    def on_device(self, stored: Stored) -> Stored:
        """Return a model whose tensors need not be moved to the device for each prediction; blocks."""
        learner = self._checkpoints.learners.get(stored.record.checkpoint.name)
        if learner is None:
            return stored
        place = in_own_pages if learner.device == HOST else partial(move, target=learner.device)
        return replace(stored, tensors=place(dict(stored.tensors)))

    def _load(self, key: ModelKey) -> Stored:
        tenant, model_id = key
        return self.on_device(self._store.of(tenant).get(model_id))


@dataclass(frozen=True)
class _Lookup:
    key: ModelKey
    found: asyncio.Future[str | None]


class RevisionLookups:
    """Looks up together the revisions that are asked for until a thread is awake.

    A directory tells a revision in less time than it takes to wake a thread; a bucket tells many at once.
    """

    def __init__(self, store: Store, reads: StoreThreads) -> None:
        self._store = store
        self._reads = reads
        self._waiting: deque[_Lookup] = deque()
        self._due = False  # whether a thread will yet take those that wait
        self._turns: set[asyncio.Task[None]] = set()  # or they would be collected as garbage

    async def find(self, key: ModelKey) -> str | None:
        """Return the revision of a model, None if it isn't there. Raises StoreUnavailable."""
        lookup = _Lookup(key, asyncio.get_running_loop().create_future())
        self._waiting.append(lookup)
        if not self._due:
            self._due = True
            turn = asyncio.create_task(self._turn())
            self._turns.add(turn)
            turn.add_done_callback(self._turns.discard)
        return await lookup.found

    async def _turn(self) -> None:
        taken: list[_Lookup] = []
        try:
            revisions = await self._reads.run(self._look_up, taken)
        except Exception as error:
            for lookup in taken or self._take():  # none are taken if no thread was free
                if not lookup.found.done():
                    lookup.found.set_exception(error)
            return
        for lookup, revision in zip(taken, revisions, strict=True):
            if not lookup.found.done():  # else its caller has gone
                lookup.found.set_result(revision)

    def _look_up(self, taken: list[_Lookup]) -> list[str | None]:
        taken += self._take()
        return self._store.revisions([lookup.key for lookup in taken])

    def _take(self) -> list[_Lookup]:
        self._due = False  # first, so that whoever comes from now on gets a turn of their own
        return [self._waiting.popleft() for _ in range(len(self._waiting))]
