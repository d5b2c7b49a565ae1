"""When a call is worth another try, and after how long."""

from __future__ import annotations

import math
import random
from typing import Literal, TypeAlias

import httpx

from kshot.errors import APIError, ClientError, ServerUnreachableError

BUSY = {429, 503}
BROKEN = (httpx.NetworkError, httpx.RemoteProtocolError)  # no time-out, which is the caller's patience at its end
LONGEST_WAIT = 10  # seconds; a server that asks for more has the caller decide
FIRST_PAUSE = 0.25  # seconds, about; each one after it is twice as long

Retried: TypeAlias = Literal["never", "when busy", "when lost"]
"""Which calls: `when busy` those that change nothing; `when lost` those with a key, also after a broken connection."""


class Tries:
    """Those of one call after the first."""

    def __init__(self, most: int, retried: Retried) -> None:
        self._most = 0 if retried == "never" else most
        self._retried = retried
        self._taken = 0

    def pause(self, error: ClientError) -> float:
        """Seconds until the next. Raises the error of the last one if there is to be no more."""
        seconds = self._seconds(error)
        if seconds is None or self._taken >= self._most:
            raise error
        self._taken += 1
        return seconds

    def _seconds(self, error: ClientError) -> float | None:
        """None where another try wouldn't help, or might do twice what should be done once."""
        if isinstance(error, APIError) and error.problem.status in BUSY and error.retry_after is not None:
            return error.retry_after if error.retry_after <= LONGEST_WAIT else None
        lost = isinstance(error, ServerUnreachableError) and isinstance(error.__cause__, BROKEN)
        return _pause(self._taken) if lost and self._retried == "when lost" else None


def _pause(taken: int) -> float:
    """Of any length up to a doubling one, so that not all clients come back at once."""
    return math.ldexp(FIRST_PAUSE, taken) * random.uniform(0.5, 1)  # noqa: S311
