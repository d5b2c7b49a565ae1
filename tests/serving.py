"""A real server in a process of its own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx
from typer.testing import CliRunner

from app.server.process import ENVIRONMENT
from kshot.__main__ import command_line
from tests.forks import Fork, Running, path_without_numba

STARTUP_SECONDS = 60


class Server:
    """`kshot serve` on a free port of the loopback; settings are KSHOT_* variables without the prefix.

    It has no numba, as without the extra `fast`, and is a fork of a process that has imported all that it imports: to
    import it takes three quarters of the time that a start takes.
    """

    def __init__(self, directory: Path, **settings: object) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.store = directory / "models"
        self.log = directory / "log"
        self.settings = {"store": self.store, **settings}
        # As in the container; without these variables it would start itself anew, which takes .3 s.
        self.environment = {"OMP_NUM_THREADS": "1", **ENVIRONMENT}
        self.process: Running | None = None

    def start(self, until: str = "/readyz") -> None:
        """Start it, and return when `until` answers 200."""
        settings = {f"KSHOT_{name.upper()}": str(value) for name, value in self.settings.items()}
        environment = {**os.environ, **self.environment, **settings}
        self.process = self.launch(environment)
        wait_until(lambda: self._ended() or self._answers(until), STARTUP_SECONDS, self.log.read_text)
        assert not self._ended(), self.log.read_text()

    def launch(self, environment: dict[str, str]) -> Running:
        """Start the process."""
        return Fork(["kshot", "serve", "--port", str(self.port)], environment, self.log)

    def stop(self) -> None:
        """Let it drain and end."""
        if self.process:
            self.process.terminate()
            self.process.wait(30)

    def kill(self) -> None:
        """Kill it, as kill -9 does."""
        assert self.process
        self.process.kill()
        self.process.wait()

    def wait_for_log(self, text: str) -> None:
        """Wait until the log has this text: a request is logged just after it was answered."""
        wait_until(lambda: text in self.log.read_text(), 5, self.log.read_text)

    def models(self) -> list[str]:
        """Return the ids of the models that it lists."""
        answer = httpx.get(f"{self.url}/models", params={"limit": 1000}).raise_for_status()
        return [model["id"] for model in answer.json()["models"]]

    def _ended(self) -> bool:
        return self.process is None or self.process.poll() is not None

    def _answers(self, path: str) -> bool:
        try:
            return httpx.get(self.url + path).status_code == httpx.codes.OK
        except httpx.TransportError:
            return False


class Command(Server):
    """The same by its command, in a process that is its own from the start, with numba if it is `compiled`."""

    def __init__(self, directory: Path, *, compiled: bool = False, **settings: object) -> None:
        super().__init__(directory, **settings)
        if not compiled:
            self.environment["PYTHONPATH"] = path_without_numba()

    def command(self) -> list[str]:
        """Return the command that starts it."""
        return [sys.executable, "-m", "kshot", "serve", "--port", str(self.port)]

    def launch(self, environment: dict[str, str]) -> Running:
        """Start the process."""
        with self.log.open("ab") as log:
            return subprocess.Popen(self.command(), env=environment, stdout=log, stderr=log)


def why_it_does_not_start(*options: object, **environment: object) -> str:
    """Return what `kshot serve` says of options that it cannot start with; in this process, which has all imported."""
    arguments = ["serve", "--check", *map(str, options)]  # with --check it would end, too, if it could start
    done = CliRunner().invoke(command_line(), arguments, env={name: str(value) for name, value in environment.items()})
    assert (done.exit_code, type(done.exception)) == (1, SystemExit), done.output
    return done.stderr


def wait_until(reached: Callable[[], bool], seconds: float = 30, why: Callable[[], str] = str) -> None:
    """Return once `reached`; fail after `seconds`, with what `why` says then."""
    deadline = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < deadline, why()
        time.sleep(0.02)


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
