"""Holding back clients that send requests to be refused as fast as they can: the event loop would do little else."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from http import HTTPStatus

from starlette.types import ASGIApp, Message, Receive, Scope, Send

BURST = 50  # refusals of one client that are answered at once
LONGEST_DELAY = 2.0  # seconds; after SIGTERM the server waits for the answers that are held back
REMEMBERED = 10_000  # clients
WITH_A_REMEDY = {HTTPStatus.TOO_MANY_REQUESTS}  # its Retry-After says when to come again, and it costs next to nothing


class RefusalPacing:
    """ASGI middleware that delays refusals (4xx) beyond `per_second` of one client's address.

    A connection has one request at a time, so nothing more is read from it meanwhile. Clients behind a proxy that
    isn't trusted (KSHOT_TRUSTED_PROXIES) count as one, but nothing except refusals is ever delayed.
    """

    def __init__(self, app: ASGIApp, per_second: float) -> None:
        self.app = app
        self.buckets = LeakyBuckets(per_second, BURST, LONGEST_DELAY)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request. A delayed answer waits when the app has let go of all that it held for the request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        delay, delayed = 0.0, list[Message]()

        async def pace(message: Message) -> None:
            nonlocal delay
            if _is_refusal(message):
                delay = self.buckets.delay(str((scope["client"] or [""])[0]), time.monotonic())
            if delay:
                delayed.append(message)
            else:
                await send(message)

        await self.app(scope, receive, pace)
        if delay:
            await asyncio.sleep(delay)
        for message in delayed:
            await send(message)


class LeakyBuckets:
    """A bucket for each client, which leaks `per_second` and holds `burst`; what is beyond that is delayed.

    Nothing is delayed by more than `longest` seconds. Forgets the clients that it has not seen for longest.
    """

    def __init__(self, per_second: float, burst: int, longest: float) -> None:
        self._spacing = 1 / per_second
        self._burst = burst
        self._longest = longest
        self._level: OrderedDict[str, float] = OrderedDict()
        """When each client's bucket held its burst, by the clock of `now`: in the past if it holds less by now."""

    def delay(self, client: str, now: float) -> float:
        """Count something of a client; return the seconds by which to delay it."""
        empty = now - self._burst * self._spacing
        level = max(self._level.pop(client, empty), empty) + self._spacing
        self._level[client] = min(level, now + self._longest)
        if len(self._level) > REMEMBERED:
            self._level.popitem(last=False)
        return max(0.0, self._level[client] - now)


def _is_refusal(message: Message) -> bool:
    status = message.get("status", 0)
    return HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR and status not in WITH_A_REMEDY
