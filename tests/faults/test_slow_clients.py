"""Clients that are slow, go away in the middle, or lie about what they send cost the server little, and nobody else."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing

import pytest

from tests.app.drawings import SUPPORT, adapt
from tests.faults.watchdog import STALL, Watchdog, memory, open_files
from tests.serving import Server, wait_until

SECONDS = 1.5
IDLE_SECONDS = 5  # uvicorn's
MOST = 110  # requests at once
MAX_HEAD = 64 * 1024  # bytes
HEAD = b"""POST /adapt HTTP/1.1\r
Host: localhost\r
Content-Type: multipart/form-data; boundary=x\r
Content-Length: 9000000\r
\r
"""
PART = b'--x\r\nContent-Disposition: form-data; name="images"; filename="a.png"\r\n\r\n'


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that waits for bodies, but not for long, and for few at once."""
    server = Server(tmp_path_factory.mktemp("hasty"), upload_seconds=SECONDS, max_requests=MOST)
    server.start()
    yield server
    server.stop()


def connect(server: Server) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=10)


def test_bodies_that_trickle_in_are_ended_while_others_are_served(hasty: Server) -> None:
    with ExitStack() as stack, Watchdog(hasty) as watchdog:
        connections = [stack.enter_context(closing(connect(hasty))) for _ in range(100)]
        for connection in connections:
            connection.sendall(HEAD + PART)
        until = time.monotonic() + SECONDS - 0.5
        while time.monotonic() < until:
            for connection in connections:
                connection.sendall(b"x")
            assert adapt(hasty.url, SUPPORT[::5], steps=0).status_code == 201
        answers = [connection.makefile("rb").read() for connection in connections]
    assert all(answer.startswith(b"HTTP/1.1 408") and b"/problems/upload-timeout" in answer for answer in answers)
    assert watchdog.stall < STALL


def test_connections_that_never_finish_a_head_or_read_an_answer_are_ended(hasty: Server) -> None:
    model_id = adapt(hasty.url, SUPPORT[::5], steps=0).json()["id"]
    with ExitStack() as stack:
        silent, slow, second, answered, unread = (stack.enter_context(closing(connect(hasty))) for _ in range(5))
        unread.sendall(f"GET /models/{model_id}/export HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        second.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert read_until(second, b'"}').startswith(b"HTTP/1.1 200")
        answered.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9000\r\n\r\n")
        assert read_until(answered, b'"}').startswith(b"HTTP/1.1 200")
        started = time.monotonic()
        second.sendall(b"GET /livez HTTP/1.1\r\nX-A: ")
        answered.sendall(b"x")
        with pytest.raises(ConnectionError):
            trickle(slow, IDLE_SECONDS + 2)
        assert [each.recv(1000) for each in (silent, second, answered)] == [b"", b"", b""]
        assert IDLE_SECONDS - 1 < time.monotonic() - started < IDLE_SECONDS + 2
        with pytest.raises(ConnectionError):
            unread.makefile("rb").read()


@pytest.mark.parametrize(
    "begun",
    [
        b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX-A: ",
        b"POST /adapt HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nX-A: ",
        b"POST /adapt HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n1;",
    ],
    ids=["head", "trailers", "chunk extension"],
)
def test_no_head_and_no_frame_of_a_body_grows_for_ever(hasty: Server, begun: bytes) -> None:
    with closing(connect(hasty)) as connection:
        connection.sendall(begun)
        with pytest.raises(ConnectionError):
            send_again_and_again(connection, b"a" * 1000, 100 * MAX_HEAD)


def test_a_large_head_is_taken_in_pieces_too(hasty: Server) -> None:
    with closing(connect(hasty)) as connection:
        for piece in (b"GET /livez?" + b"a" * 40_000, b"a" * 20_000, b" HTTP/1.1\r\nHost: localhost\r\n\r\n"):
            connection.sendall(piece)
            time.sleep(0.05)
        assert read_until(connection, b'"}').startswith(b"HTTP/1.1 200")


def send_again_and_again(connection: socket.socket, piece: bytes, size: int) -> None:
    """Until there were `size` bytes. Raises ConnectionError, if the server ends the connection."""
    pieces = piece * (10_000 // len(piece))
    for _ in range(size // len(pieces)):
        connection.sendall(pieces)


def read_until(connection: socket.socket, end: bytes) -> bytes:
    """An answer to its `end`: it may come in pieces."""
    read = b""
    while end not in read:
        piece = connection.recv(1000)
        assert piece, read
        read += piece
    return read


def trickle(connection: socket.socket, seconds: float) -> None:
    until = time.monotonic() + seconds
    connection.sendall(b"GET /livez HTTP/1.1\r\nX-A: ")
    while time.monotonic() < until:
        connection.sendall(b"a")
        time.sleep(0.2)


def test_a_client_that_goes_while_it_uploads_leaves_nothing_open(hasty: Server) -> None:
    adapt(hasty.url, SUPPORT[::5], steps=0)
    before, models = sorted(open_files(hasty)), hasty.models()
    used, size = 0, 2 * 2**20  # beyond what is kept in memory
    for number in range(MOST + MOST // 2):
        with connect(hasty) as connection:
            connection.sendall(HEAD + PART + bytes(size))
        if number % 10 == 9:  # on a busy machine the server else has many at once, and keeps what that took
            wait_until(lambda: sorted(open_files(hasty)) == before, 10, lambda: str(open_files(hasty)))
        if number == MOST // 4:
            used = memory(hasty)
    wait_until(lambda: sorted(open_files(hasty)) == before, 5, lambda: str(open_files(hasty)))
    assert memory(hasty) - used < MOST * size / 2  # what some at once took may stay with the allocator
    assert hasty.models() == models
    # None counts as one that is still being received: as many as may be are let in again.
    with ExitStack() as stack:
        for _ in range(MOST - 1):
            stack.enter_context(closing(connect(hasty))).sendall(HEAD + PART)
        assert adapt(hasty.url, SUPPORT[::5], steps=0).status_code == 201
        with closing(connect(hasty)) as last:
            last.sendall(HEAD + PART)
            time.sleep(0.2)
            assert adapt(hasty.url, SUPPORT[::5], steps=0).status_code == 429
    assert "unexpected error" not in hasty.log.read_text()


def test_a_body_in_time_is_taken_though_its_computation_takes_longer(hasty: Server) -> None:
    started = time.monotonic()
    assert adapt(hasty.url, SUPPORT * 4, steps=80).status_code == 201
    assert time.monotonic() - started > SECONDS
