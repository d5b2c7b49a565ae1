"""The sockets of the server's port, bound before anything slow is done, so that a busy port is told at once."""

from __future__ import annotations

import errno
import socket
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

from models.errors import KshotError

ABSENT = {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}  # what ::1 is on a machine without IPv6


class PortUnavailable(KshotError):
    """The server cannot listen on its address."""


def bind(host: str, port: int, *, shared: bool = False) -> list[socket.socket]:
    """Return a socket, bound but not yet listening, for each address of `host`. Port 0 picks a free one.

    With `shared`, other processes of this user may bind the same port too; the kernel deals the connections out among
    those that listen. Raises PortUnavailable.
    """
    with ExitStack() as opened:
        sockets: list[socket.socket] = []
        try:
            for family, _, _, _, (ip, _, *rest) in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
                chosen = port_of(sockets) if sockets else port
                if made := _bind(family, (ip, chosen, *rest), shared=shared):
                    sockets.append(opened.enter_context(made))
        except OSError as error:
            raise PortUnavailable(_detail(host, port, error.strerror or str(error))) from error
        if not sockets:
            raise PortUnavailable(_detail(host, port, "this machine has no such address"))
        opened.pop_all()
    return sockets


def port_of(sockets: Sequence[socket.socket]) -> int:
    """Return the port that these are bound to."""
    port: int = sockets[0].getsockname()[1]
    return port


def free_port(host: str, port: int) -> int:
    """Return the port, or a free one for port 0. Raises PortUnavailable if another server has it."""
    with ExitStack() as opened:
        return port_of([opened.enter_context(each) for each in bind(host, port)])


def _bind(family: int, address: tuple[Any, ...], *, shared: bool) -> socket.socket | None:
    """Return None if this machine has no such address."""
    try:
        made = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        if error.errno in ABSENT:
            return None
        raise
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if shared:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    if family == socket.AF_INET6:
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    try:
        made.bind(address)
    except OSError as error:
        made.close()
        if error.errno in ABSENT:
            return None
        raise
    return made


def _detail(host: str, port: int, reason: str) -> str:
    return f"Cannot listen on {host}, port {port}: {reason}. Choose another by --host or --port."
