"""Bodies that are compressed."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from app.errors import EncodingNotTaken
from app.http.request_body import refuse


class ContentEncodingMiddleware:
    """ASGI middleware: refuse bodies that are compressed as a whole; images and archives are compressed already."""

    def __init__(self, app: ASGIApp, max_body_bytes: int) -> None:
        self.app = app
        self.max_body_bytes = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        encoding = Headers(scope=scope).get("content-encoding", "identity") if scope["type"] == "http" else "identity"
        if encoding.lower() != "identity":
            error = EncodingNotTaken(f"The body's Content-Encoding is {encoding!r:.60}. Send it as it is, without one.")
            await refuse(error, scope, receive, send, self.max_body_bytes)
            return
        await self.app(scope, receive, send)
