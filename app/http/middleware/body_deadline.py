"""Refuse request bodies that take too long to arrive."""

from __future__ import annotations

import asyncio

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class BodyDeadlineMiddleware:
    """ASGI middleware: a body that is not complete `seconds` after its request began raises HTTPException 408.

    Otherwise a client that sends a byte now and then could hold its connection, and what it has sent, without limit.
    """

    def __init__(self, app: ASGIApp, seconds: float) -> None:
        self.app = app
        self.seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with a `receive` that keeps the deadline."""
        await self.app(scope, self._timed(receive) if scope["type"] == "http" else receive, send)

    def _timed(self, receive: Receive) -> Receive:
        deadline: float | None = asyncio.get_running_loop().time() + self.seconds

        async def timed() -> Message:
            nonlocal deadline
            if deadline is None:
                return await receive()
            try:
                async with asyncio.timeout_at(deadline):
                    message = await receive()
            except TimeoutError:
                raise _too_slow(self.seconds) from None
            if not message.get("more_body"):
                deadline = None  # from here on, `receive` waits for the connection to close
            return message

        return timed


def _too_slow(seconds: float) -> HTTPException:
    return HTTPException(
        408,
        f"The body was not there after {seconds:g} s. Send fewer or smaller images, or over a faster connection.",
        {"Connection": "close"},
    )
