"""How long a connection may take to begin a request, and how much of one it may send that isn't its body."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD = 64 * 1024  # bytes of a request's line and headers
MAX_FRAMING = 16  # bytes for each of a body's; a chunk of one comes with five
MAX_AHEAD = 16  # requests that are sent before the first is answered


class TimelyProtocol(HttpToolsProtocol):
    """uvicorn's; ends a connection that takes longer for the head of a request than it may be idle between two.

    uvicorn itself waits for ever, and each connection is one of the files that a process may open. It would also take
    heads, and trailers after a body in chunks, of any length, and any number of requests at once: here they get 400.
    """

    _overdue: asyncio.TimerHandle | None = None
    _received = 0  # bytes since the request began, or the connection
    _explained = 0  # of these, those that its body accounts for

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Waits for the first head."""
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """The end."""
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Refuses what is too long, and reads no more then."""
        self._received += len(data)
        super().data_received(data)
        if self._received - self._explained > MAX_HEAD and not self.transport.is_closing():
            self.send_400_response(f"The head of a request may have {MAX_HEAD} bytes.")

    def on_message_begin(self) -> None:
        """A head begins."""
        super().on_message_begin()
        self._received = self._explained = 0
        if self._overdue is None:
            self._wait()

    def on_headers_complete(self) -> None:
        """The head is here, in time."""
        self._stop_waiting()
        if len(self.pipeline) >= MAX_AHEAD:
            raise ValueError("too many requests at once")  # for the parser, which ends then
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A part of it."""
        self._explained += (1 + MAX_FRAMING) * len(body)
        super().on_body(body)

    def _wait(self) -> None:
        self._overdue = self.loop.call_later(self.timeout_keep_alive, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._overdue:
            self._overdue.cancel()
            self._overdue = None
