"""Commands of kshot in forks of one process that has imported what they import, and nothing more."""

from __future__ import annotations

import multiprocessing
import os
import sys
from functools import cache
from multiprocessing import forkserver
from pathlib import Path
from typing import Protocol
from unittest.mock import patch

from app.server.process import ENVIRONMENT

PLAIN = Path(__file__).parent / "plain"
IMPORTED = ("tests.forks", "kshot.__main__", "app.commands.serve", "app.server.run", "onnxruntime")


class Running(Protocol):
    """What tests do with a process."""

    pid: int

    def poll(self) -> int | None: ...
    def wait(self, timeout: float | None = None) -> int: ...
    def terminate(self) -> None: ...
    def kill(self) -> None: ...


class Fork:
    """A command in a fork, with the interface of subprocess.Popen that tests use."""

    def __init__(self, command: list[str], environment: dict[str, str], log: Path) -> None:
        self._process = forks().Process(target=_run, args=(command, environment, log))
        self._process.start()
        assert self._process.pid
        self.pid = self._process.pid

    def poll(self) -> int | None:
        """Return its exit status; None while it runs."""
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """Return its exit status once it has ended."""
        self._process.join(timeout)
        assert self._process.exitcode is not None, f"process {self.pid} still runs after {timeout} s"
        return self._process.exitcode

    def terminate(self) -> None:
        """Send it SIGTERM."""
        self._process.terminate()

    def kill(self) -> None:
        """Send it SIGKILL."""
        self._process.kill()


def path_without_numba() -> str:
    """Return a PYTHONPATH on which numba cannot be imported."""
    return os.pathsep.join(filter(None, [str(PLAIN), os.environ.get("PYTHONPATH")]))


@cache
def forks() -> multiprocessing.context.ForkServerContext:
    """Start the process that forks. Its libraries read the environment of `kshot serve` as they are loaded."""
    forks = multiprocessing.get_context("forkserver")
    forks.set_forkserver_preload(list(IMPORTED))
    with patch.dict(os.environ, {"OMP_NUM_THREADS": "1", "PYTHONPATH": path_without_numba(), **ENVIRONMENT}):
        forkserver.ensure_running()
    return forks


def _run(command: list[str], environment: dict[str, str], log: Path) -> None:
    from kshot.__main__ import main

    sys.path.insert(0, str(PLAIN))
    sys.argv = command
    os.environ.clear()
    os.environ.update(environment)
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(file, 1)
    os.dup2(file, 2)
    main()
