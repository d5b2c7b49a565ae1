"""An HTTP client that costs next to nothing, since it shares the cores with the services it asks."""

import asyncio
from dataclasses import dataclass, field

import httptools

from benchmarks.load.requests import Request


class CutError(Exception):
    """The connection ended before the answer did."""


@dataclass
class Answer:
    """Status, headers by their lower-case names, and body."""

    status: int = 0
    headers: dict[bytes, bytes] = field(default_factory=dict)
    body: bytearray = field(default_factory=bytearray)


class Connection(asyncio.Protocol):
    """One connection, one request after another."""

    def __init__(self) -> None:
        self._transport: asyncio.WriteTransport | None = None

    async def ask(self, host: str, port: int, request: Request) -> Answer:
        """Sends a request, on a new connection if there is none. Raises CutError."""
        loop = asyncio.get_running_loop()
        self._answer, self._done = Answer(), loop.create_future()
        transport = self._transport
        if transport is None or transport.is_closing():
            try:
                transport, _ = await loop.create_connection(lambda: self, host, port)
            except OSError as error:
                raise CutError from error
        self._parser = httptools.HttpResponseParser(self)
        transport.write(request.raw)
        await self._done
        return self._answer

    def close(self) -> None:
        """Ends it."""
        if self._transport:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See Protocol."""
        self._transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        """See Protocol."""
        self._parser.feed_data(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """See Protocol."""
        self._transport = None
        if not self._done.done():
            self._done.set_exception(CutError())

    def on_header(self, name: bytes, value: bytes) -> None:
        """As the parser finds it."""
        self._answer.headers[name.lower()] = value

    def on_body(self, part: bytes) -> None:
        """As the parser finds it."""
        self._answer.body += part

    def on_message_complete(self) -> None:
        """The answer is here."""
        self._answer.status = self._parser.get_status_code()
        if not self._parser.should_keep_alive():
            self.close()
        if not self._done.done():
            self._done.set_result(None)
