"""How long a connection may take for a request."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

LONGEST = 2**31 - 1  # milliseconds that a socket's option takes


class TimeoutProtocol(H11Protocol):
    """uvicorn's HTTP protocol with three time-outs that it lacks: each open connection is one of the process's files.

    The head of a request may take as long as a connection may be idle between two requests. A body whose answer is
    out already may take `body_seconds`: some clients read the answer only when they have sent all. A client may read
    nothing of an answer for as long; what it hasn't read is held in memory, and counts nowhere.
    """

    _timeout: asyncio.TimerHandle | None = None

    def __init__(self, *args: Any, body_seconds: float, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.body_seconds = body_seconds

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the time-out of the first head."""
        super().connection_made(transport)
        if hasattr(socket, "TCP_USER_TIMEOUT"):  # of Linux, which knows what the client has read
            milliseconds = min(round(1000 * self.body_seconds), LONGEST)
            transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)
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
