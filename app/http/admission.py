"""How many requests are in the server, and whether one more may come in."""

from __future__ import annotations

import asyncio
import math
from collections import Counter, deque
from typing import Protocol

from app.engine.limits import QueueLimits

LEAST = 8  # requests that may come in at any pace: one batch must come together before the pace is known
REMEMBERED = 64  # answers
LONGEST_RETRY = 60  # seconds


class Computing(Protocol):
    """What admission asks the engine."""

    computing: Counter[str]
    """How many requests of each tenant are in the batch that runs."""


class Admission:
    """Counts the requests that are being received, decoded or computed, and measures how fast they are answered.

    For the event loop's thread alone.
    """

    def __init__(self, limits: QueueLimits, engine: Computing) -> None:
        self.limits = limits
        self.engine = engine
        self.draining = False
        self._inside: Counter[str] = Counter()  # of each tenant
        self._received: Counter[str] = Counter()  # of each tenant, with the whole body
        self._last = 0.0  # when the server was last given its first work, or answered
        self._intervals: deque[float] = deque(maxlen=REMEMBERED)

    def obstacle(self, tenant: str = "") -> str:
        """Return why one more request of the tenant would wait too long or find no place; "" if it may come in."""
        places = min(self.limits.max_requests, self._answered_in_time)
        if tenant and self._inside[tenant] >= min(self.limits.max_requests_per_tenant, max(1, places // 2)):
            return f"{self._inside[tenant]} requests of yours are here already."
        if obstacle := self.limits.obstacle(self._received - self.engine.computing, tenant):
            return obstacle
        if self.inside >= places:
            return f"{self.inside} requests are here already, as many as can be answered in time."
        return ""

    @property
    def inside(self) -> int:
        """How many requests came in and are not answered yet."""
        return self._inside.total()

    @property
    def retry_after(self) -> int:
        """Seconds until about half of the requests inside should be answered."""
        return min(max(1, math.ceil(self.inside / 2 * self._pace)), LONGEST_RETRY)

    def drain(self) -> None:
        """Let no request in any more."""
        self.draining = True

    def enter(self, tenant: str = "") -> None:
        """Count a request that comes in."""
        self._inside[tenant] += 1

    def leave(self, tenant: str = "") -> None:
        """Count a request that is answered, or given up."""
        self._inside -= Counter([tenant])  # also drops tenants that have none left

    def receive(self, tenant: str = "") -> None:
        """Count a request whose whole body has arrived."""
        if not self._received.total():
            self._last = asyncio.get_running_loop().time()
        self._received[tenant] += 1

    def answer(self, tenant: str = "") -> None:
        """Count a request that had arrived whole and is answered, or given up."""
        now = asyncio.get_running_loop().time()
        self._received -= Counter([tenant])
        self._intervals.append(now - self._last)
        self._last = now

    @property
    def _answered_in_time(self) -> float:
        """How many requests are answered before the last of them has waited for queue_seconds."""
        if len(self._intervals) < REMEMBERED:
            return math.inf
        return max(LEAST, self.limits.queue_seconds / self._pace)

    @property
    def _pace(self) -> float:
        """Seconds from one answer to the next, while there is work."""
        return sum(self._intervals) / max(1, len(self._intervals))
