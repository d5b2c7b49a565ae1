"""Holding back clients that send requests to be refused as fast as they can."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from http import HTTPStatus

from starlette.types import ASGIApp, Message, Receive, Scope, Send

BURST = 50  # refusals of one client that are answered at once
LONGEST_DELAY = 2.0  # seconds; the drain after SIGTERM waits for answers that are held back
REMEMBERED = 10_000  # clients
WITH_A_REMEDY = {HTTPStatus.TOO_MANY_REQUESTS}  # these say by Retry-After when to come again, and cost next to nothing


class RefusalPacing:
    """ASGI middleware that delays refusals (4xx) beyond `per_second` of one client's address.

    The event loop would otherwise do little else. A connection has one request at a time, so that nothing more is read
    from it meanwhile. Where several clients come through a proxy that uvicorn doesn't trust (FORWARDED_ALLOW_IPS), they
    count as one; but nothing except refusals is ever delayed.
    """

    def __init__(self, app: ASGIApp, per_second: float) -> None:
        self.app = app
        self.per_second = per_second
        self._paid: OrderedDict[str, float] = OrderedDict()
        """Until when each client's refusals are paid for, by the monotonic clock; the latest refused is last."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request. A delayed answer waits when the app has let go of all that it held for the request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        delay, delayed = 0.0, list[Message]()

        async def pace(message: Message) -> None:
            nonlocal delay
            if _is_refusal(message):
                delay = self._delay(str((scope["client"] or [""])[0]), time.monotonic())
            if delay:
                delayed.append(message)
            else:
                await send(message)

        await self.app(scope, receive, pace)
        await asyncio.sleep(delay)
        for message in delayed:
            await send(message)

    def _delay(self, client: str, now: float) -> float:
        """Take a token of the client's bucket; return the seconds until there is one."""
        spacing = 1 / self.per_second
        earliest = now - BURST * spacing
        paid = max(self._paid.pop(client, earliest), earliest) + spacing
        self._paid[client] = min(paid, now + LONGEST_DELAY)
        while len(self._paid) > REMEMBERED:
            self._paid.popitem(last=False)
        return max(0.0, self._paid[client] - now)


def _is_refusal(message: Message) -> bool:
    status = message.get("status", 0)
    return HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR and status not in WITH_A_REMEDY
