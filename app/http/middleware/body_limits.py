"""Refuses request bodies beyond a size, announced by Content-Length or not, or beyond a time."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.observability.metrics import Metrics

LINGER_SECONDS = 5
MAX_JSON_BYTES = 2**20  # it is parsed on the event loop, as no form is


class BodyLimit:
    """ASGI middleware: reading more than `max_bytes` of body raises HTTPException 413.

    FastAPI's own max_body_size would answer in plain text.
    """

    def __init__(self, app: ASGIApp, max_bytes: int, metrics: Metrics | None = None) -> None:
        self.app = app
        self.max_bytes = max_bytes
        self.metrics = metrics or Metrics()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on with a receive that counts."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        most = self.max_bytes
        if "json" in headers.get("content-type", ""):
            most = min(most, MAX_JSON_BYTES)
        announced = int(headers.get("content-length", 0))
        seen = 0

        async def bounded() -> Message:
            nonlocal seen
            if announced > most and headers.get("expect", "").lower() == "100-continue":
                raise _too_large(announced, most)  # before the client sends any of it
            message = await receive()
            size = len(message.get("body", b""))
            self.metrics.received(size)
            seen += size
            if max(announced, seen) > most:
                if message.get("more_body"):
                    await linger(receive, self.max_bytes)
                raise _too_large(max(announced, seen), most)
            return message

        await self.app(scope, bounded, send)


async def linger(receive: Receive, max_bytes: int) -> None:
    """Discards what is left of a body: a client that is still writing would lose our answer to a reset."""
    left = max_bytes
    with suppress(TimeoutError):
        async with asyncio.timeout(LINGER_SECONDS):
            while left > 0 and (message := await receive()).get("more_body"):
                left -= len(message.get("body", b""))


def _too_large(size: int, most: int) -> HTTPException:
    return HTTPException(
        413,
        f"The body is at least {size} bytes; this server takes {most}. "
        "Send fewer or smaller images; more than 512 pixels a side are seldom of use.",
        {"Connection": "close"},
    )


class BodyDeadline:
    """ASGI middleware: a body that isn't there `seconds` after its request began raises HTTPException 408.

    Else a client that sends a byte now and then would keep its connection and what it sent for ever.
    """

    def __init__(self, app: ASGIApp, seconds: float) -> None:
        self.app = app
        self.seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on with a receive that has its time."""
        await self.app(scope, self._timely(receive) if scope["type"] == "http" else receive, send)

    def _timely(self, receive: Receive) -> Receive:
        deadline: float | None = asyncio.get_running_loop().time() + self.seconds

        async def timely() -> Message:
            nonlocal deadline
            try:
                async with asyncio.timeout_at(deadline):
                    message = await receive()
            except TimeoutError:
                raise _too_slow(self.seconds) from None
            if not message.get("more_body"):
                deadline = None  # for the end of the connection one may wait
            return message

        return timely


def _too_slow(seconds: float) -> HTTPException:
    return HTTPException(
        408,
        f"The body was not there after {seconds:g} s. Send fewer or smaller images, or over a faster connection.",
        {"Connection": "close"},
    )
