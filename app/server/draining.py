"""Ending without losing what was accepted."""

from __future__ import annotations

import time
from types import FrameType

import uvicorn

from app.http.admission import Admission


class DrainingServer(uvicorn.Server):
    """uvicorn that keeps its port open after SIGTERM or Ctrl-C, to say that it drains, until all accepted is answered.

    That is at most `seconds`, and ends the process with 0; a second signal ends it at once, and by that signal.
    """

    def __init__(self, config: uvicorn.Config, admission: Admission, seconds: float) -> None:
        super().__init__(config)
        self.admission = admission
        self.seconds = seconds
        self._deadline = 0.0

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begins to drain."""
        if self.admission.draining:
            self.force_exit = True
            super().handle_exit(sig, frame)
            return
        self.admission.drain()
        self._deadline = time.monotonic() + self.seconds

    async def on_tick(self, counter: int) -> bool:
        """Whether to end; uvicorn asks ten times a second."""
        if self.admission.draining and (not self.admission.inside or time.monotonic() > self._deadline):
            self.should_exit = True  # and not by handle_exit, which has the process die of the signal at last
        return await super().on_tick(counter)
