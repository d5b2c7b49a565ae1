"""How long a connection may take to begin a request."""

from __future__ import annotations

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol


class TimelyProtocol(H11Protocol):
    """uvicorn's; ends a connection that takes longer for the head of a request than it may be idle between two.

    And one that takes longer than `body_seconds` for a body whose answer is out: some clients read it when all is sent.
    uvicorn itself waits for ever, and each connection is one of the files that a process may open.
    """

    _overdue: asyncio.TimerHandle | None = None

    def __init__(self, *args: Any, body_seconds: float, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.body_seconds = body_seconds

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Waits for the first head."""
        super().connection_made(transport)
        self._wait(self.timeout_keep_alive)

    def data_received(self, data: bytes) -> None:
        """Waits for the rest of a head, and of a body whose answer is out; no longer for a head that is here."""
        super().data_received(data)
        if self.conn.their_state is h11.IDLE:
            self._wait(self.timeout_keep_alive)
        elif getattr(self.cycle, "response_complete", False):  # there is no cycle before the first head
            self._wait(self.body_seconds)
        else:
            self._stop_waiting()

    def connection_lost(self, exc: Exception | None) -> None:
        """The end."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _wait(self, seconds: float) -> None:
        """From the first call on."""
        self._overdue = self._overdue or self.loop.call_later(seconds, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._overdue:
            self._overdue.cancel()
            self._overdue = None
