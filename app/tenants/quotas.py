"""How much a tenant may keep."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from app.errors import QuotaReached
from app.store import Usage
from app.tenants.tenant import Tenant


class Quotas:
    """Counts files, not headers, before a model is made, and with them the models that are being made here.

    Other processes on the store may each be making one more; so may the last model be over the bytes.
    """

    def __init__(self) -> None:
        self._coming: Counter[str] = Counter()

    @asynccontextmanager
    async def room(self, tenant: Tenant, usage: Callable[[], Awaitable[Usage]]) -> AsyncIterator[None]:
        """While a model is made; `usage` tells what there is. Raises QuotaReached."""
        if tenant.max_models is None and tenant.max_bytes is None:
            yield
            return
        self._coming[tenant.name] += 1
        try:
            coming = self._coming[tenant.name]
            _check(tenant, await usage(), coming)
            yield
        finally:
            self._coming[tenant.name] -= 1
            self._coming += Counter()  # without those at zero


def _check(tenant: Tenant, usage: Usage, coming: int) -> None:
    if tenant.max_models is not None and usage.models + coming > tenant.max_models:
        raise _reached("models", usage.models, tenant.max_models)
    if tenant.max_bytes is not None and usage.bytes >= tenant.max_bytes:
        raise _reached("bytes", usage.bytes, tenant.max_bytes)


def _reached(what: str, used: int, limit: int) -> QuotaReached:
    detail = (
        f"You keep {used} {what}, and may keep {limit}. Delete models that you no longer need (GET /models lists them, "
        "DELETE /models/{id} deletes one and its images), or ask whoever runs the server for more."
    )
    return QuotaReached(detail, resource=what, used=used, limit=limit)
