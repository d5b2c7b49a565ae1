"""How much the engine takes at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from app.settings import SettingsPart


@dataclass(frozen=True, kw_only=True)
class BatchLimits(SettingsPart):
    """How large a batch may be, and how long the engine waits for requests that are being decoded."""

    batch_images: int
    batch_bytes: int
    patience_ms: float


@dataclass(frozen=True, kw_only=True)
class QueueLimits(SettingsPart):
    """How many requests may be in the server, how many of them may wait for the engine, and for how long."""

    max_requests: int
    max_requests_per_tenant: int
    max_queue: int
    max_queue_per_tenant: int
    queue_seconds: float
    compute_seconds: float

    def obstacle(self, waiting: Mapping[str, int], tenant: str) -> str:
        """Return why one more request of the tenant may not wait, or "" if it may.

        `waiting` tells how many of each tenant wait. The tenant "" is nobody, who has no limit of their own.
        """
        own, total = waiting.get(tenant, 0), sum(waiting.values())
        if tenant and own >= self.max_queue_per_tenant:
            return f"{own} requests of yours are waiting already."
        if total >= self.max_queue:
            return f"{total} requests are waiting already."
        return ""
