"""How many requests a minute a tenant may make."""

from __future__ import annotations

import time
from collections.abc import Callable

MINUTE = 60.0


class TokenBuckets:
    """A token bucket for each tenant, which holds a minute's requests and refills evenly.

    A bucket is kept as one number: the time at which it will be full again. The buckets are this process's own, and for
    the event loop's thread alone.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._full_at: dict[str, float] = {}

    def take(self, tenant: str, per_minute: int) -> float:
        """Take a token for one request and return 0, or return the seconds until there is one."""
        now = self._clock()
        full_at = max(self._full_at.get(tenant, now), now) + MINUTE / per_minute
        wait = full_at - now - MINUTE
        if wait > 1e-6:  # rounding
            return wait
        self._full_at[tenant] = full_at
        return 0
