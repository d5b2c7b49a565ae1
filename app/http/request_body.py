"""Requests that are refused before their bodies were read."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send

from app.errors import AppError
from app.http import problems

DISCARD_SECONDS = 5


async def refuse(error: AppError, scope: Scope, receive: Receive, send: Send, max_body_bytes: int) -> None:
    """Answer with the error, once the body is discarded that a client may be writing."""
    if Headers(scope=scope).get("expect", "").lower() != "100-continue":
        await discard_body(receive, max_body_bytes)
    await problems.refused(error)(scope, receive, send)


async def discard_body(receive: Receive, max_bytes: int) -> None:
    """Read and drop what is left of a body, up to `max_bytes` and for DISCARD_SECONDS.

    A client that is still writing when its connection closes would lose the answer to a reset.
    """
    left = max_bytes
    with suppress(TimeoutError):
        async with asyncio.timeout(DISCARD_SECONDS):
            while left > 0 and (message := await receive()).get("more_body"):
                left -= len(message.get("body", b""))
