"""The stored models as use cases reach them: from the event loop, and those used lately in memory."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import BinaryIO

from app import errors
from app.engine.checkpoint_registry import CheckpointRegistry
from app.observability.metrics import Metrics
from app.service.stored_models import StoredModels, StoreThreads
from app.settings import Settings
from app.store import Store, Stored, Usage
from app.store.cache import ModelCache
from app.store.records import ModelRecord


class ModelLibrary:
    """The models of all tenants: a store, threads for its calls, and a cache.

    Reads and writes have threads of their own: when a disk refuses all writes, predictions go on.
    """

    def __init__(
        self, store: Store, checkpoints: CheckpointRegistry, settings: Settings, metrics: Metrics | None = None
    ) -> None:
        self.store = store
        self.reads = StoreThreads("store-read", settings.store_seconds)
        self.writes = StoreThreads("store-write", settings.store_seconds)
        self.source = StoredModels(store, checkpoints, self.reads)
        pinned = settings.pin.split(",")
        self.cache = ModelCache(self.source, settings.cache_bytes, store.fresh_seconds, pinned, metrics)

    def of(self, tenant: str) -> TenantModels:
        """Return the models of a tenant, who sees no other's."""
        return TenantModels(self, tenant)

    def close(self) -> None:
        """End the threads, without waiting for a store that hangs."""
        self.reads.close(wait=False)
        self.writes.close(wait=False)


class TenantModels:
    """The models of one tenant. What reads or writes the store may raise StoreUnavailable."""

    def __init__(self, library: ModelLibrary, tenant: str) -> None:
        self.tenant = tenant
        self._library = library
        self._store = library.store.of(tenant)

    def using(self, model_id: str) -> AbstractAsyncContextManager[Stored]:
        """Hold a model with its tensors on the device that computes. Raises ModelNotFound or ModelDamaged."""
        return self._library.cache.using((self.tenant, model_id))

    async def describe(self, model_id: str) -> ModelRecord:
        """Return what is known of a model. Raises ModelNotFound or ModelDamaged."""
        return await self._library.reads.run(self._store.describe, model_id)

    async def page(self, limit: int, cursor: str | None) -> tuple[list[ModelRecord], str | None]:
        """Return models, newest first, and the cursor of the next page."""
        return await self._library.reads.run(self._store.page, limit, cursor)

    async def usage(self) -> Usage:
        """Return what the models take."""
        return await self._library.reads.run(self._store.usage)

    async def images(self, model_id: str) -> tuple[ModelRecord, BinaryIO]:
        """Return a model and the file of its images, to be closed. Raises ModelNotFound or ImagesNotKept."""
        model = await self.describe(model_id)
        if not model.images_kept:
            detail = f"Model {model_id} was made without keep_images. Send all images to /adapt again, to keep them."
            raise errors.ImagesNotKept(detail, field="model_id")
        return model, await self._library.reads.run(self._store.images, model_id)

    async def keep(self, stored: Stored, images: bytes | None) -> ModelRecord:
        """Keep a model and its images; return the record that is kept: another server's, if that kept it first."""
        kept = await self._library.writes.run(self._put, stored, images)
        self._library.cache.put((self.tenant, kept.record.id), kept)
        return kept.record

    async def update(self, model_id: str, change: Callable[[ModelRecord], ModelRecord]) -> ModelRecord:
        """Change what is known of a model. Raises ModelNotFound, or what `change` raises."""
        record = await self._library.writes.run(self._store.update, model_id, change)
        self._library.cache.drop((self.tenant, model_id))
        return record

    async def delete(self, model_id: str) -> None:
        """Delete a model. Raises ModelNotFound."""
        await self._library.writes.run(self._store.delete, model_id)
        self._library.cache.drop((self.tenant, model_id))

    async def erase(self) -> int:
        """Delete all models of the tenant and what is remembered of requests; return how many models those were."""
        gone = await self._library.writes.run(self._store.erase)
        for model_id in gone:
            self._library.cache.drop((self.tenant, model_id))
        return len(gone)

    async def recall(self, name: str) -> bytes | None:
        """Return the small record of this name, if there is one."""
        return await self._library.reads.run(self._store.recall, name)

    async def claim(self, name: str, contents: bytes) -> bytes:
        """Keep a small record unless there is one of this name; return the one that is kept."""
        return await self._library.writes.run(self._store.claim, name, contents)

    def _put(self, stored: Stored, images: bytes | None) -> Stored:
        return self._library.source.on_device(self._store.put(stored, images))
