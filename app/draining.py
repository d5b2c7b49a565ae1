"""Ending without losing what was accepted."""

from __future__ import annotations

import time
from types import FrameType

import uvicorn

from app.admission import Admission


class DrainingServer(uvicorn.Server):
    """uvicorn that keeps its port open after SIGTERM or Ctrl-C, to say that it drains, until all accepted is answered.

    That is at most `seconds`; a second signal ends it at once.
    """

    def __init__(self, config: uvicorn.Config, admission: Admission, seconds: float) -> None:
        super().__init__(config)
        self.admission = admission
        self.seconds = seconds
        self._signal: int | None = None
        self._deadline = 0.0

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begins to drain."""
        if self.admission.draining:
            self.force_exit = True
            super().handle_exit(sig, frame)
            return
        self.admission.drain()
        self._signal, self._deadline = sig, time.monotonic() + self.seconds

    async def on_tick(self, counter: int) -> bool:
        """Whether to end; uvicorn asks ten times a second."""
        if self._signal and (not self.admission.inside or time.monotonic() > self._deadline):
            super().handle_exit(self._signal, None)
        return await super().on_tick(counter)
