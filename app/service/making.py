"""How a request for a model is met: once by its Idempotency-Key, and within what its tenant may keep."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeAlias

from app.api.forms import SupportForm
from app.http.event_stream import Tell
from app.service.idempotency import Once, Turns
from app.service.service import Service
from app.store import Put
from app.tenants.quotas import Quotas
from app.tenants.tenant import Tenant
from kshot.types import AdaptAnswer

Make: TypeAlias = Callable[[Tell, Put], Coroutine[Any, Any, AdaptAnswer]]


@dataclass(frozen=True)
class Maker:
    """For a tenant's request to this path, with this key if it has one."""

    service: Service
    tenant: Tenant
    quotas: Quotas
    turns: Turns
    path: str
    key: str | None

    async def answer(self, form: SupportForm, make: Make, tell: Tell) -> AdaptAnswer:
        """The first answer, a Replay, if there is one; else that of `make`. Raises AppError."""
        if self.key is None:
            return await self._make(make, tell, self.service.store.put)
        fingerprint = await self.service.reader.fingerprint(form)
        once = Once(self.service.store, self.path, self.key, fingerprint)
        async with self.turns.of(self.tenant.name, once.name):
            if first := await self.service.reads.run(once.first):
                return first
            answer = await self._make(make, tell, once.put)
            return await self.service.writes.run(once.remember, answer)

    async def _make(self, make: Make, tell: Tell, put: Put) -> AdaptAnswer:
        with self.quotas.reserve(self.tenant) as reservation:
            if self.tenant.has_quota:
                usage = await self.service.usage()
                reservation.check(usage.models, usage.bytes)
            return await make(tell, put)
