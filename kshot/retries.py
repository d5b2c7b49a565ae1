"""When a call is worth another try, and after how long."""

from __future__ import annotations

import math
import random
from typing import Literal, TypeAlias

import httpx

from kshot.errors import APIError, ClientError, ServerUnreachableError

BUSY = {429, 503}
BROKEN = (httpx.NetworkError, httpx.RemoteProtocolError)  # not a time-out: the caller chose how long to wait
LONGEST_WAIT = 10  # seconds; if the server asks for more, the caller decides
FIRST_PAUSE = 0.25  # seconds, about; each later pause is twice as long

Retried: TypeAlias = Literal["never", "when busy", "when lost"]
"""When a call is tried again. `when lost`: after a broken connection too, for calls with an Idempotency-Key."""


class Tries:
    """The tries of one call after the first."""

    def __init__(self, most: int, retried: Retried) -> None:
        self._most = 0 if retried == "never" else most
        self._retried = retried
        self._taken = 0

    def pause(self, error: ClientError) -> float:
        """Return the seconds until the next try. Raises `error` if there is to be none."""
        seconds = self._seconds(error)
        if seconds is None or self._taken >= self._most:
            raise error
        self._taken += 1
        return seconds

    def _seconds(self, error: ClientError) -> float | None:
        """Return None if another try wouldn't help, or might do twice what should be done once."""
        if isinstance(error, APIError) and error.problem.status in BUSY and error.retry_after is not None:
            return error.retry_after if error.retry_after <= LONGEST_WAIT else None
        lost = isinstance(error, ServerUnreachableError) and isinstance(error.__cause__, BROKEN)
        return _pause(self._taken) if lost and self._retried == "when lost" else None


def _pause(taken: int) -> float:
    """Return a random pause, doubled for each try taken, so that clients don't all come back at once."""
    return math.ldexp(FIRST_PAUSE, taken) * random.uniform(0.5, 1)  # noqa: S311
