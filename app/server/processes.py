"""Several processes on one port, each a server of its own, on the same store.

For a CPU: Python lets but one thread of a process run at a time, and at many small requests a second that is the limit.
"""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from functools import partial
from multiprocessing import connection, get_context, parent_process
from multiprocessing.context import SpawnProcess
from types import FrameType
from typing import TypeAlias

import structlog
from prometheus_client import multiprocess

from app.settings import Settings
from models.allocator import keep_freed_memory

RESTART_SECONDS = 1.0  # between the end of a process that should not have ended and its successor's start
Serve: TypeAlias = Callable[[Settings, socket.socket], None]
"""Serves with these settings on a socket that is bound."""
log = structlog.stdlib.get_logger("kshot.processes")
spawn = get_context("spawn")


class Processes:
    """Runs `serve`, which must be importable, with its share of the settings in each process, and again where one dies.

    Each has a socket of its own on the port, and the kernel gives each its share of the connections. Signals are passed
    on: the first has all drain, a second ends them at once.
    """

    def __init__(self, settings: Settings, serve: Serve) -> None:
        self._start = partial(_started, serve, shared(settings))
        self._processes = [self._start() for _ in range(settings.processes)]
        self._ending = False

    def run(self) -> int:
        """Until all have ended after a signal; the exit code."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._pass_on)
        while alive := [process for process in self._processes if process.is_alive()]:
            connection.wait([process.sentinel for process in alive], timeout=RESTART_SECONDS)
            if not self._ending:
                self._replace_dead()
        return max((abs(process.exitcode or 0) for process in self._processes), default=0)

    def _pass_on(self, number: int, _: FrameType | None) -> None:
        self._ending = True
        for process in self._processes:
            if process.is_alive() and process.pid:
                os.kill(process.pid, signal.SIGTERM if number == signal.SIGINT else number)

    def _replace_dead(self) -> None:
        for place, process in enumerate(self._processes):
            if not process.is_alive():
                log.error("a process of the server ended, and is started again", exit_code=process.exitcode)
                multiprocess.mark_process_dead(process.pid)  # type: ignore[no-untyped-call]
                time.sleep(RESTART_SECONDS)
                self._processes[place] = self._start()


def shared(settings: Settings) -> Settings:
    """The settings of one of several processes: of what the machine has, its share."""
    count = settings.processes
    return settings.model_copy(
        update={
            "threads": max(1, (settings.threads or os.cpu_count() or 1) // count),
            "decode_threads": max(1, settings.decode_threads // count),
            "cache_bytes": settings.cache_bytes // count,
            "max_requests": max(1, settings.max_requests // count),
            "max_requests_per_tenant": max(1, settings.max_requests_per_tenant // count),
            "max_queue": max(1, settings.max_queue // count),
        }
    )


def bind(host: str, port: int) -> socket.socket:
    """A socket, not yet listening, on a port where others of this user may have theirs too. Raises OSError."""
    bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    bound.bind((host, port))
    return bound


def _started(serve: Serve, settings: Settings) -> SpawnProcess:
    process = spawn.Process(target=_run, args=(serve, settings))
    process.start()
    return process


def _run(serve: Serve, settings: Settings) -> None:
    keep_freed_memory()  # before there is a second thread
    os.setsid()  # Ctrl-C in a terminal is for the parent, which passes it on
    threading.Thread(target=_end_with_parent, daemon=True).start()
    serve(settings, bind(settings.host, settings.port))


def _end_with_parent() -> None:
    if parent := parent_process():
        parent.join()
    os.kill(os.getpid(), signal.SIGTERM)
