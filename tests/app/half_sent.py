"""A request that has begun to arrive."""

from __future__ import annotations

import socket
from contextlib import closing
from http.client import HTTPResponse

import httpx

from tests.app.drawings import SUPPORT, images, labels
from tests.serving import Server


class HalfSent:
    """An /adapt whose body has begun to arrive."""

    def __init__(self, server: Server) -> None:
        request = httpx.Request("POST", server.url, files=images(SUPPORT), data=labels(SUPPORT))
        body, kind, size = request.read(), request.headers["content-type"], request.headers["content-length"]
        head = f"POST /adapt HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\nContent-Length: {size}\r\n\r\n"
        self._rest = body[len(body) // 2 :]
        self._connection = socket.create_connection(("127.0.0.1", server.port), timeout=60)
        self._connection.sendall(head.encode() + body[: len(body) // 2])

    def finish(self) -> HTTPResponse:
        with closing(self._connection):
            self._connection.sendall(self._rest)
            answer = HTTPResponse(self._connection)
            answer.begin()
            return answer
