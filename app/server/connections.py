"""How long a connection may take for a request."""

from __future__ import annotations

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol


class TimeoutProtocol(H11Protocol):
    """uvicorn's HTTP protocol with two time-outs that it lacks: each open connection is one of the process's files.

    The head of a request may take as long as a connection may be idle between two requests. A body whose answer is
    out already may take `body_seconds`: some clients read the answer only when they have sent all.
    """

    _timeout: asyncio.TimerHandle | None = None

    def __init__(self, *args: Any, body_seconds: float, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.body_seconds = body_seconds

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the time-out of the first head."""
        super().connection_made(transport)
        self._start_timeout(self.timeout_keep_alive)

    def data_received(self, data: bytes) -> None:
        """Keep the time-out running while a head, or a body whose answer is out, is incomplete; else stop it."""
        super().data_received(data)
        if self.conn.their_state is h11.IDLE:
            self._start_timeout(self.timeout_keep_alive)
        elif getattr(self.cycle, "response_complete", False):  # there is no cycle before the first head
            self._start_timeout(self.body_seconds)
        else:
            self._stop_timeout()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the time-out."""
        self._stop_timeout()
        super().connection_lost(exc)

    def _start_timeout(self, seconds: float) -> None:
        """Close the connection after `seconds`, unless that is planned already."""
        self._timeout = self._timeout or self.loop.call_later(seconds, self.transport.close)

    def _stop_timeout(self) -> None:
        if self._timeout:
            self._timeout.cancel()
            self._timeout = None
