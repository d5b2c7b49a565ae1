"""How much a tenant may keep."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from app.errors import QuotaReached
from app.tenants.tenant import Tenant


@dataclass(frozen=True)
class Reservation:
    """Room for one more model of a tenant, who has `coming` models in the making, this one included."""

    tenant: Tenant
    coming: int

    def check(self, models: int, size: int) -> None:
        """Raise QuotaReached if the tenant, who keeps so many models of `size` bytes in all, may keep no more."""
        limits = self.tenant
        if limits.max_models is not None and models + self.coming > limits.max_models:
            raise _reached("models", models, limits.max_models)
        if limits.max_bytes is not None and size >= limits.max_bytes:
            raise _reached("bytes", size, limits.max_bytes)


class Quotas:
    """Counts the models that each tenant has in the making here, so that they cannot exceed a quota together.

    Other processes on the store may each be making one more, and the last model may exceed the bytes.
    """

    def __init__(self) -> None:
        self._coming: Counter[str] = Counter()

    @contextmanager
    def reserve(self, tenant: Tenant) -> Iterator[Reservation]:
        """Count one more model of the tenant as in the making, for as long as the block runs."""
        self._coming[tenant.name] += 1
        try:
            yield Reservation(tenant, self._coming[tenant.name])
        finally:
            self._coming[tenant.name] -= 1
            self._coming += Counter()  # without those at zero


def _reached(what: str, used: int, limit: int) -> QuotaReached:
    detail = (
        f"You keep {used} {what}, and may keep {limit}. Delete models that you no longer need (GET /models lists them, "
        "DELETE /models/{id} deletes one and its images), or ask whoever runs the server for more."
    )
    return QuotaReached(detail, resource=what, used=used, limit=limit)
