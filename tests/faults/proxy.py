"""A network between two programs of this machine that fails when it is told to."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress
from types import TracebackType

CHUNK = 2**16


class Proxy:
    """TCP to a port of the loopback."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.port = 0
        self._delay = 0.0
        self._passing = threading.Event()
        self._cutting = False
        self._listener: socket.socket | None = None
        self._open: set[socket.socket] = set()

    def __enter__(self) -> Proxy:
        self.up()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.refuse()

    def up(self, delay: float = 0) -> None:
        """As it should be, but for so many seconds before each answer. What stalled is lost."""
        self._reset()
        self._delay = delay
        self._passing.set()
        self._listen()

    def refuse(self) -> None:
        """Nobody listens."""
        self._reset()

    def cut(self) -> None:
        """Every connection ends in the middle of the first answer."""
        self.up()
        self._cutting = True

    def stall(self) -> None:
        """Connections are taken, and those there are stay, but nothing arrives any more."""
        self._passing.clear()

    def _reset(self) -> None:
        self._cutting = False
        if self._listener:
            _end(self._listener)
            self._listener = None
        for each in list(self._open):
            _end(each)

    def _listen(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):  # it was closed
            while True:
                here, _ = listener.accept()
                there = socket.create_connection(("127.0.0.1", self.target))
                self._open |= {here, there}
                asked = threading.Event()
                threading.Thread(target=self._requests, args=(here, there, asked), daemon=True).start()
                threading.Thread(target=self._answers, args=(there, here, asked), daemon=True).start()

    def _requests(self, here: socket.socket, there: socket.socket, asked: threading.Event) -> None:
        with suppress(OSError):
            while data := here.recv(CHUNK):
                self._passing.wait()
                asked.set()
                there.sendall(data)
        self._close(here, there)

    def _answers(self, there: socket.socket, here: socket.socket, asked: threading.Event) -> None:
        with suppress(OSError):
            while data := there.recv(CHUNK):
                if asked.is_set():
                    asked.clear()
                    time.sleep(self._delay)
                self._passing.wait()
                here.sendall(data[: len(data) // 2] if self._cutting else data)
                if self._cutting:
                    break
        self._close(here, there)

    def _close(self, *sockets: socket.socket) -> None:
        for each in sockets:
            _end(each)
            self._open.discard(each)


def _end(connection: socket.socket) -> None:
    with suppress(OSError):  # wakes the threads that wait for it
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()
