"""Reading the rest of a body that nobody wants."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from starlette.types import Receive

DISCARD_SECONDS = 5


async def discard_body(receive: Receive, max_bytes: int) -> None:
    """Read and drop what is left of a body, up to `max_bytes` and for DISCARD_SECONDS.

    A client that is still writing when its connection closes would lose the answer to a reset.
    """
    left = max_bytes
    with suppress(TimeoutError):
        async with asyncio.timeout(DISCARD_SECONDS):
            while left > 0 and (message := await receive()).get("more_body"):
                left -= len(message.get("body", b""))
