"""A request's work in the engine's hands, and the request's side of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import structlog

from app.engine.work import Work
from app.threads import Cancellation

T = TypeVar("T")


@dataclass(frozen=True)
class Finished(Generic[T]):
    """A result, and how many milliseconds it waited and took; the batch's, if it ran in one."""

    value: T
    queue_ms: float
    encode_ms: float
    compute_ms: float


@dataclass(eq=False)
class Job(Generic[T]):
    """One work on its way through the engine. Made on the event loop; started and ended from the engine's thread."""

    work: Work[T]
    tenant: str = ""
    cancellation: Cancellation = field(default_factory=Cancellation)
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)
    submitted: float = field(default_factory=time.perf_counter)
    # The request's id and tenant, for the engine's log.
    request: dict[str, Any] = field(default_factory=structlog.contextvars.get_contextvars)
    settled: bool = False

    def __post_init__(self) -> None:
        self.started: asyncio.Future[float] = self.loop.create_future()
        self.result: asyncio.Future[Finished[T]] = self.loop.create_future()

    def start(self) -> None:
        """Tell the request that its turn has come."""
        self._tell(self.started, asyncio.Future.set_result, time.perf_counter())

    def finish(self, finished: Finished[T]) -> None:
        """Hand the result over."""
        self.settled = True
        self._tell(self.result, asyncio.Future.set_result, finished)

    def fail(self, error: Exception) -> None:
        """Hand the failure over."""
        self.settled = True
        self._tell(self.result, asyncio.Future.set_exception, error)

    def _tell(self, future: asyncio.Future[Any], tell: Callable[[asyncio.Future[Any], Any], None], what: Any) -> None:
        def deliver() -> None:
            if not future.done():  # by a first try of the batch, or because nobody waits
                tell(future, what)

        with suppress(RuntimeError):  # the request's event loop is closed: nobody waits
            self.loop.call_soon_threadsafe(deliver)
