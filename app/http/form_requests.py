"""What must hold of a form before its fields are looked at."""

from __future__ import annotations

from collections import Counter

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from python_multipart.multipart import parse_options_header
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import NotAForm

MULTIPART = "multipart/form-data"
TYPES = {MULTIPART, "application/x-www-form-urlencoded"}
UTF8 = {"utf-8", "utf8", "us-ascii"}
REPEATED = {"images", "labels", "remove", "remove_class"}
EPILOGUE = 1000  # bytes that may follow the closing boundary; most clients send a line's end


async def require_form(request: Request) -> None:
    """A dependency of routes that take a form. Raises NotAForm, or RequestValidationError for a field sent twice.

    Else a body of another kind would be a form without fields, and of a field's values the last would win.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in TYPES and (kind or request.headers.get("content-length", "0") != "0"):
        raise NotAForm(f"The body is {kind or 'of no type'!r:.80}. Send {MULTIPART} (with curl: -F field=value).")
    times = Counter(field for field, _ in (await request.form()).multi_items() if field not in REPEATED)
    if faults := [_repeated(field, count) for field, count in times.items() if count > 1]:
        raise RequestValidationError(faults)


def _repeated(field: str, times: int) -> dict[str, object]:
    return {"type": "repeated", "loc": ("body", field), "msg": f"send it once, not {times} times", "input": None}


class WholeForm:
    """ASGI middleware: reading a multipart body that ends before its closing boundary raises HTTPException 400.

    The parser would take what there is, and lose the last part in silence. So does reading a form in another charset
    than UTF-8, since the parser would take any that Python knows, and some take minutes for a megabyte.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on with a receive that looks at the end of its body."""
        content_type = Headers(scope=scope).get("content-type") if scope["type"] == "http" else None
        kind, options = parse_options_header(content_type)
        charset = options.get(b"charset", b"utf-8").decode("latin-1")
        if charset.lower() not in UTF8:
            receive = _refusing(f"The charset is {charset!r:.80}.")
        elif kind == MULTIPART.encode() and (boundary := options.get(b"boundary")):
            # Of a form that names no boundary the parser complains.
            receive = _whole(receive, b"--" + boundary + b"--")
        await self.app(scope, receive, send)


def _refusing(detail: str) -> Receive:
    async def refusing() -> Message:
        raise HTTPException(400, detail, {"Connection": "close"})

    return refusing


def _whole(receive: Receive, closing: bytes) -> Receive:
    tail = b""

    async def whole() -> Message:
        nonlocal tail
        message = await receive()
        if message["type"] == "http.request":
            tail = (tail + message.get("body", b""))[-len(closing) - EPILOGUE :]
            if not message.get("more_body") and closing not in tail:
                raise HTTPException(400, "The body ends before its closing boundary.")
        return message

    return whole
