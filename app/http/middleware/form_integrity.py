"""Refuse forms that end early or are not in UTF-8."""

from __future__ import annotations

from python_multipart.multipart import parse_options_header
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.http.forms.form_requests import MULTIPART

UTF8 = {"utf-8", "utf8", "us-ascii"}
EPILOGUE = 1000  # bytes that may follow the closing boundary; most clients send a line's end


class FormIntegrityMiddleware:
    """ASGI middleware: reading a multipart body that ends before its closing boundary raises HTTPException 400.

    Starlette's parser would take what there is and drop the last part without an error. A form in another charset
    than UTF-8 is refused too: the parser would use any that Python knows, and some take minutes for a megabyte.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with a `receive` that looks for the closing boundary."""
        content_type = Headers(scope=scope).get("content-type") if scope["type"] == "http" else None
        kind, options = parse_options_header(content_type)
        charset = options.get(b"charset", b"utf-8").decode("latin-1")
        if charset.lower() not in UTF8:
            receive = _refusing(f"The charset is {charset!r:.80}.")
        elif kind == MULTIPART.encode() and (boundary := options.get(b"boundary")):
            # A form that names no boundary is refused by the parser itself.
            receive = _complete(receive, b"--" + boundary + b"--")
        await self.app(scope, receive, send)


def _refusing(detail: str) -> Receive:
    async def refusing() -> Message:
        raise HTTPException(400, detail, {"Connection": "close"})

    return refusing


def _complete(receive: Receive, closing: bytes) -> Receive:
    tail = b""

    async def complete() -> Message:
        nonlocal tail
        message = await receive()
        if message["type"] == "http.request":
            tail = (tail + message.get("body", b""))[-len(closing) - EPILOGUE :]
            if not message.get("more_body") and closing not in tail:
                raise HTTPException(400, "The body ends before its closing boundary.")
        return message

    return complete
