"""Threads for work that must not run on the event loop, and how such work learns that nobody waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from types import TracebackType
from typing import Any, Self, TypeVar, TypeVarTuple

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class Cancelled(Exception):
    """Nobody waits for the result of this work any more; it ends here."""


class Cancellation:
    """Asks work in another thread to end, because nobody waits for its result.

    The caller holds it as a context manager around the call, and hands it to the work: leaving the block, in whatever
    way, requests the cancellation. Of several parts, it is requested once it is of each.
    """

    def __init__(self, *parts: Cancellation) -> None:
        self._parts = parts
        self._requested = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._requested = True

    @property
    def requested(self) -> bool:
        """Whether the work may end."""
        return self._requested or (bool(self._parts) and all(part.requested for part in self._parts))

    def check(self) -> None:
        """End the work by raising Cancelled, if that is requested; for the work to call now and then."""
        if self.requested:
            raise Cancelled


class NoThreadFree(Exception):
    """All threads were busy for as long as a call may wait for one."""


class Workers:
    """A fixed number of threads for calls of one kind, so that when all of these hang, no other kind waits for them.

    A thread counts as busy until its call returns, even if the caller has gone. (anyio's limiter would count it free.)
    """

    def __init__(self, threads: int, name: str, wait_seconds: float | None = None) -> None:
        self.wait_seconds = wait_seconds
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)

    async def run(self, function: Callable[[*Ts], T], *args: *Ts) -> T:
        """Return function(*args), called in a thread with the caller's context variables.

        A call that waits for a thread when its caller is cancelled is never made. One that has begun goes on, unless it
        looks at a Cancellation.

        Raises:
            NoThreadFree: No thread was free within `wait_seconds`.
        """
        held: list[Callable[[], T]] = [partial(copy_context().run, function, *args)]
        call: Future[T] = self._pool.submit(lambda: held.pop()())
        limit = _WaitLimit(call, self.wait_seconds)
        try:
            return await asyncio.wrap_future(call)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if limit.exceeded and not (task and task.cancelling()):
                raise NoThreadFree from None
            raise
        finally:
            limit.end()
            if call.cancel():  # it has not begun, and waits in the queue all the same: without what it would work on
                held.clear()

    def close(self, wait: bool = True) -> None:
        """End the threads once they have finished what they do; blocks until then if it is to `wait`."""
        self._pool.shutdown(wait=wait, cancel_futures=True)


class _WaitLimit:
    """Cancels a call that has not begun after so many seconds; one that has begun cannot be cancelled."""

    def __init__(self, call: Future[Any], seconds: float | None) -> None:
        self.exceeded = False
        self._call = call
        self._timer = None if seconds is None else asyncio.get_running_loop().call_later(seconds, self._exceed)

    def end(self) -> None:
        """Stop waiting."""
        if self._timer:
            self._timer.cancel()

    def _exceed(self) -> None:
        self.exceeded = self._call.cancel()
