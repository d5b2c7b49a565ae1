"""What the use cases work with."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from app.api.examples import Examples
from app.engine.checkpoint_registry import CheckpointRegistry
from app.engine.engine import Engine
from app.engine.work import Work
from app.inputs.kinds.interface import check_kind
from app.inputs.reader import Reader
from app.observability.metrics import Metrics
from app.observability.stopwatch import Observe, Stopwatch
from app.service.adaptation import AdaptLimits
from app.service.idempotency import KeyedLocks
from app.service.model_library import ModelLibrary
from app.settings import Settings
from app.store import Store
from app.store.records import ModelRecord
from app.tenants.quotas import Quotas
from app.tenants.tenant import Tenant
from app.threads import Workers
from models.checkpoint import Checkpoint
from models.initializations.adapted import Adapted

T = TypeVar("T")
THREADS = 8  # for answers and exports, which compute for as long as they have one


@dataclass(frozen=True)
class AskedModel:
    """A model that a request asks about its examples."""

    record: ModelRecord
    adapted: Adapted
    checkpoint: Checkpoint
    watch: Stopwatch


@dataclass(frozen=True)
class Service:
    """The parts of a running service; the use cases are functions of it (create, predict, manage, export)."""

    engine: Engine
    reader: Reader
    model_library: ModelLibrary
    limits: AdaptLimits
    observers: Sequence[Observe] = ()
    quotas: Quotas = field(default_factory=Quotas)
    locks: KeyedLocks = field(default_factory=KeyedLocks)
    workers: Workers = field(default_factory=lambda: Workers(THREADS, "service"))

    @classmethod
    def of(
        cls,
        settings: Settings,
        engine: Engine,
        store: Store,
        metrics: Metrics | None = None,
        observers: Sequence[Observe] = (),
    ) -> Service:
        """Return the service that the settings describe."""
        library = ModelLibrary(store, engine.checkpoints, settings, metrics)
        return cls(engine, Reader.of(settings), library, AdaptLimits.of(settings), observers)

    @property
    def checkpoints(self) -> CheckpointRegistry:
        """The engine's."""
        return self.engine.checkpoints

    async def run(self, work: Work[T], tenant: Tenant, watch: Stopwatch) -> T:
        """Return what the engine makes of a tenant's work. Raises EngineError, or what the learner raises."""
        start = time.perf_counter()
        done = await self.engine.run(work, tenant.name)
        watch.follow(start, queue=done.queue_ms, encode=done.encode_ms, **{work.kind: done.compute_ms})
        return done.value

    @asynccontextmanager
    async def asking(self, tenant: Tenant, model_id: str, form: Examples) -> AsyncIterator[AskedModel]:
        """Yield a model of the tenant, which stays for as long, to ask about a form's examples. Raises AppError."""
        self.engine.require_ready()
        async with self.model_library.of(tenant.name).using(model_id) as stored:
            name = stored.record.checkpoint.name
            checkpoint = self.checkpoints.matching(stored.record.id, name, stored.record.checkpoint.digest)
            check_kind(form, checkpoint, name)
            yield AskedModel(stored.record, Adapted(dict(stored.tensors)), checkpoint, self.stopwatch(name))

    def stopwatch(self, checkpoint: str) -> Stopwatch:
        """Return a stopwatch for a request's work on this checkpoint."""
        return Stopwatch(checkpoint, self.observers)

    def close(self) -> None:
        """End the threads; blocks."""
        self.reader.close()
        self.model_library.close()
        self.workers.close()
