"""What a server does between requests: it deletes what has expired."""

from __future__ import annotations

import asyncio

import structlog

from app.observability.metrics import Metrics
from app.store import Store
from app.threads import Workers

log = structlog.stdlib.get_logger("kshot")


class Housekeeping:
    """Sweeps the store again and again; nothing that goes wrong in one sweep keeps the next from coming."""

    def __init__(self, store: Store, seconds: float, metrics: Metrics) -> None:
        self._store = store
        self._seconds = seconds
        self._metrics = metrics
        self._worker = Workers(1, "sweep")

    async def run(self) -> None:
        """Sweep, and again `seconds` after each sweep, until cancelled."""
        while True:
            await self._sweep()
            await asyncio.sleep(self._seconds)

    async def _sweep(self) -> None:
        try:
            swept = await self._worker.run(self._store.sweep)
        except Exception:  # the store may come back; whatever else it is, others should not wait for a restart
            log.exception("a sweep of the store failed")
            self._metrics.sweep_failed()
            return
        self._metrics.swept(swept.models, swept.failures)
        if swept.models:
            log.info("deleted expired models", models=swept.models)
