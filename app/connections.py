"""How long a connection may take to begin a request."""

from __future__ import annotations

import asyncio

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol


class TimelyProtocol(H11Protocol):
    """uvicorn's; ends a connection that takes longer for the head of a request than it may be idle between two.

    uvicorn itself waits for ever, and each connection is one of the files that a process may open.
    """

    _overdue: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Waits for the first head."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Waits for the rest of a head, and of a body whose answer is out; no longer for a head that is here."""
        super().data_received(data)
        answered = getattr(self.cycle, "response_complete", False)  # it is None before the first head
        if self.conn.their_state is not h11.IDLE and not answered:
            self._stop_waiting()
        elif self._overdue is None:
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """The end."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._overdue = self.loop.call_later(self.timeout_keep_alive, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._overdue:
            self._overdue.cancel()
            self._overdue = None
