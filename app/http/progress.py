"""The progress of an adaptation, on its way from the engine's thread to a client."""

from __future__ import annotations

import asyncio
import math
from contextlib import suppress

from kshot.types import StepEvent


class EventQueue:
    """Takes steps from any thread, and gives them to the event loop as they come.

    Steps that are told again are left out, since a batch may be tried again by halves; so are losses beyond all
    numbers.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._events: asyncio.Queue[StepEvent | None] = asyncio.Queue()
        self._last = -1

    def step(self, step: int, steps: int, loss: float) -> None:
        """See app.engine.work.Progress."""
        self._put(StepEvent(step=step, steps=steps, loss=loss))

    def end(self) -> None:
        """Let no more steps come."""
        self._put(None)

    async def get(self) -> StepEvent | None:
        """Return the next step, as soon as there is one; None after the last."""
        while event := await self._events.get():
            if event.step > self._last and math.isfinite(event.loss):
                self._last = event.step
                return event
        return None

    def _put(self, event: StepEvent | None) -> None:
        with suppress(RuntimeError):  # the event loop is closed: nobody waits
            self._loop.call_soon_threadsafe(self._events.put_nowait, event)
