"""Several processes on one port, each a server of its own, on the same store.

For a CPU: Python lets one thread of a process run at a time, and with many small requests that is the limit.
uvicorn's own supervisor runs uvicorn's own server, which doesn't drain, and has no use for a second signal.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from multiprocessing import connection, get_context, parent_process
from multiprocessing.context import ForkServerProcess
from types import FrameType
from typing import TypeAlias

import structlog
from prometheus_client import multiprocess

from app.settings import Settings

RESTART_SECONDS = 1.0  # between the end of a process and its successor's start
EARLY_SECONDS = 60.0  # a process that ends sooner than this may not be able to start at all
MOST_EARLY_ENDS = 3  # in a row
GAVE_UP = 1  # exit codes
ENDED_AT_ONCE = 128 + signal.SIGTERM

Serve: TypeAlias = Callable[[Settings, bool], None]
"""Serve with these settings; the flag says whether to tell the user where. Must be importable."""
log = structlog.stdlib.get_logger("kshot.processes")
forks = get_context("forkserver")


class Supervisor:
    """Runs `serve` in several processes, each with its share of the settings, and starts again what dies.

    Passes signals on: the first has all processes drain, a second ends them at once. Gives up when one process after
    the other ends early.
    """

    def __init__(self, settings: Settings, serve: Serve) -> None:
        self._settings = share_of(settings)
        self._serve = serve
        self._processes: list[ForkServerProcess] = []
        self._started: list[float] = []
        self._early_ends = 0
        self._signals = 0

    def run(self) -> int:
        """Supervise until all processes have ended; return the exit code."""
        forks.set_forkserver_preload([self._serve.__module__])  # imported once, for all that serve
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._pass_on)
        for place in range(self._settings.processes):
            self._start(place)
        while running := [process for process in self._processes if process.is_alive()]:
            connection.wait([process.sentinel for process in running], timeout=RESTART_SECONDS)
            if not self._ending:
                self._replace_dead()
        return self._exit_code()

    @property
    def _ending(self) -> bool:
        return self._signals > 0 or self._gave_up

    @property
    def _gave_up(self) -> bool:
        return self._early_ends >= MOST_EARLY_ENDS

    def _pass_on(self, number: int, frame: FrameType | None) -> None:
        self._signals += 1
        self._terminate()

    def _terminate(self) -> None:
        for process in self._processes:
            if process.is_alive():
                process.terminate()

    def _replace_dead(self) -> None:
        for place, process in enumerate(self._processes):
            if process.is_alive() or self._ending:
                continue
            multiprocess.mark_process_dead(process.pid)  # type: ignore[no-untyped-call]
            early = time.monotonic() - self._started[place] < EARLY_SECONDS
            self._early_ends = self._early_ends + 1 if early else 0
            if self._gave_up:
                log.error(f"{MOST_EARLY_ENDS} processes in a row ended soon after their start: giving up. See above.")
                self._terminate()
                return
            log.error("a process of the server ended, and is started again", exit_code=process.exitcode)
            time.sleep(RESTART_SECONDS)
            self._start(place)

    def _start(self, place: int) -> None:
        process = forks.Process(target=_run, args=(self._serve, self._settings, place == 0))
        process.start()
        self._processes[place : place + 1] = [process]
        self._started[place : place + 1] = [time.monotonic()]
        if self._ending:  # by a signal that came meanwhile, and went to the others
            process.terminate()

    def _exit_code(self) -> int:
        if self._gave_up:
            return GAVE_UP
        if self._signals > 1:
            return ENDED_AT_ONCE
        codes = [process.exitcode or 0 for process in self._processes]
        # The signal ends a process that can't serve yet, and so has nothing to drain.
        return max((abs(code) for code in codes if not (self._signals and code == -signal.SIGTERM)), default=0)


def share_of(settings: Settings) -> Settings:
    """Return the settings of one of several processes: its share of what the machine has."""
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


def _run(serve: Serve, settings: Settings, announce: bool) -> None:
    os.setsid()  # Ctrl-C in a terminal is for the parent, which passes it on
    threading.Thread(target=_end_with_parent, daemon=True).start()
    serve(settings, announce)


def _end_with_parent() -> None:
    if parent := parent_process():
        parent.join()
    os.kill(os.getpid(), signal.SIGTERM)
