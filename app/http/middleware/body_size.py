"""Refuse request bodies beyond a size, whether Content-Length announces it or not."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.http.request_body import discard_body
from app.observability.metrics import Metrics

MAX_PLAIN_BYTES = 2**20  # of what is no form: it is held in memory, and parsed on the event loop


class BodySizeMiddleware:
    """ASGI middleware: reading more than `max_bytes` of a body raises HTTPException 413.

    FastAPI's own max_body_size would answer in plain text.
    """

    def __init__(self, app: ASGIApp, max_bytes: int, metrics: Metrics | None = None) -> None:
        self.app = app
        self.max_bytes = max_bytes
        self.metrics = metrics or Metrics()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with a `receive` that counts bytes."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        await self.app(scope, self._counting(receive, scope), send)

    def _counting(self, receive: Receive, scope: Scope) -> Receive:
        headers, most = Headers(scope=scope), self._most(scope["method"])
        announced = int(headers.get("content-length", 0))
        seen = 0

        async def counting() -> Message:
            nonlocal seen
            if announced > most and headers.get("expect", "").lower() == "100-continue":
                raise _too_large(announced, most)  # before the client sends any of it
            message = await receive()
            size = len(message.get("body", b""))
            self.metrics.received(size)
            seen += size
            if max(announced, seen) > most:
                if message.get("more_body"):
                    await discard_body(receive, self.max_bytes)
                raise _too_large(max(announced, seen), most)
            return message

        return counting

    def _most(self, method: str) -> int:
        """Return the most bytes of a body; only POST brings forms."""
        return self.max_bytes if method == "POST" else min(self.max_bytes, MAX_PLAIN_BYTES)


def _too_large(size: int, most: int) -> HTTPException:
    return HTTPException(
        413,
        f"The body is at least {size} bytes; this server takes {most}. "
        "Send fewer or smaller images; more than 512 pixels a side are seldom of use.",
        {"Connection": "close"},
    )
