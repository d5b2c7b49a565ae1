"""Calls on the store, which block."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar, TypeVarTuple

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


@dataclass(frozen=True)
class _Call(Generic[T]):
    function: Callable[[], T]
    result: asyncio.Future[T]

    def make(self) -> tuple[_Call[T], T | Exception]:
        """In a thread; to `settle` on the event loop."""
        try:
            return self, self.function()
        except Exception as error:
            return self, error

    def settle(self, outcome: T | Exception) -> None:
        if self.result.done():  # nobody waits any more
            return
        if isinstance(outcome, Exception):
            self.result.set_exception(outcome)
        else:
            self.result.set_result(outcome)


class Gathered:
    """Calls that take less time than to wake a thread for each: one takes all that came until it was awake."""

    def __init__(self, blocking: Blocking) -> None:
        self._blocking = blocking
        self._waiting: deque[_Call[Any]] = deque()
        self._due = False  # whether a thread will yet look at those that wait
        self._turns: set[asyncio.Task[None]] = set()

    async def run(self, function: Callable[[*Ts], T], *args: *Ts) -> T:
        """As Blocking's."""
        call: _Call[T] = _Call(partial(function, *args), asyncio.get_running_loop().create_future())
        self._waiting.append(call)
        if not self._due:
            self._due = True
            turn = asyncio.create_task(self._turn())
            self._turns.add(turn)
            turn.add_done_callback(self._turns.discard)
        return await call.result

    async def _turn(self) -> None:
        try:
            outcomes = await self._blocking.run(self._make)
        except Exception as error:  # no thread is to be had
            outcomes = [(call, error) for call in self._take()]
        for call, outcome in outcomes:
            call.settle(outcome)

    def _make(self) -> list[tuple[_Call[Any], Any]]:
        return [call.make() for call in self._take()]

    def _take(self) -> list[_Call[Any]]:
        self._due = False  # first, so that whoever comes from now on has a turn of his own
        return [self._waiting.popleft() for _ in range(len(self._waiting))]
