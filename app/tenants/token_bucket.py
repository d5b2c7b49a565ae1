"""How many requests a minute."""

from __future__ import annotations

import time
from collections.abc import Callable

MINUTE = 60.0


class Rates:
    """A token bucket for each tenant, of a minute's requests, by its one number: when it will be full again.

    In the memory of this process; for the event loop's thread alone.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._full_at: dict[str, float] = {}

    def take(self, tenant: str, per_minute: int) -> float:
        """0 if a request may be made now, and counts it; else the seconds until one may."""
        now = self._clock()
        full_at = max(self._full_at.get(tenant, now), now) + MINUTE / per_minute
        wait = full_at - now - MINUTE
        if wait > 1e-6:  # rounding
            return wait
        self._full_at[tenant] = full_at
        return 0
