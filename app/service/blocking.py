"""Calls on the store, which block."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar, TypeVarTuple

from anyio import CapacityLimiter, to_thread

from app.errors import StoreUnavailable

THREADS = 32
T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class Blocking:
    """Threads of their own for calls of one kind: when all of these hang, no other kind waits for them.

    anyio's own threads are everybody's, uploads' and the page's too.
    """

    def __init__(self, seconds: float, threads: int = THREADS) -> None:
        self.seconds = seconds
        self._free = asyncio.Semaphore(threads)
        self._threads = CapacityLimiter(threads)

    async def run(self, function: Callable[[*Ts], T], *args: *Ts) -> T:
        """What it returns. Raises StoreUnavailable if no thread is free for it within `seconds`."""
        try:
            async with asyncio.timeout(self.seconds):
                await self._free.acquire()
        except TimeoutError:
            detail = f"The store has not answered others for {self.seconds:g} s. Try again later."
            raise StoreUnavailable(detail) from None
        try:
            return await to_thread.run_sync(function, *args, limiter=self._threads)
        finally:
            self._free.release()
