"""Threads for the work that is neither the event loop's nor the engine's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Concatenate, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Workers:
    """So many threads and no more.

    anyio's limiter counts a thread as free once its caller is cancelled, though it works on.
    """

    def __init__(self, threads: int) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="worker")

    async def run(self, function: Callable[Concatenate[Event, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What the function returns, once a thread is free.

        Its first argument is an event that is set if the caller is cancelled, for it to end early;
        if it has not begun by then, it never does.
        """
        gone = Event()
        try:
            return await asyncio.wrap_future(self._pool.submit(function, gone, *args, **kwargs))
        finally:
            gone.set()

    def close(self) -> None:
        """Ends the threads when they have done what they do. Blocks."""
        self._pool.shutdown(cancel_futures=True)
