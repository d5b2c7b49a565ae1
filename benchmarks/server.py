"""The service as users start it: `kshot serve` in a process of its own, on the loopback."""

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from kshot import Client, ServerUnreachableError
from models.checkpoint import SHIPPED

STARTUP_SECONDS = 60
ROOT = Path(__file__).parents[1]


@contextmanager
def running_server(store: Path | None = None, checkout: Path | None = None, **settings: str) -> Iterator[str]:
    """Starts a server with an empty store or this one, and KSHOT_* settings, named without the prefix; gives its URL.

    Command and checkpoints are this build's, or those of another checkout, which has a .venv of its own; `checkpoints`
    among the settings is another folder of them.
    """
    command = checkout / ".venv/bin/kshot" if checkout else Path(sys.executable).parent / "kshot"
    shipped = checkout / SHIPPED.relative_to(ROOT) if checkout else SHIPPED
    checkpoints = settings.pop("checkpoints", str(shipped))
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as empty:
        environment = {f"KSHOT_{name.upper()}": value for name, value in settings.items()}
        options = ["--port", str(port), "--checkpoints", checkpoints, "--store", str(store or empty)]
        process = subprocess.Popen(
            [str(command), "serve", *options],
            env={**os.environ, "KSHOT_LOG_LEVEL": "error", **environment},
        )
        try:
            _wait_until_ready(url, process)
            yield url
        finally:
            process.terminate()
            process.wait(timeout=60)


def server_process(url: str) -> psutil.Process:
    """That of a `running_server`."""
    port = url.rpartition(":")[2]
    (found,) = (child for child in psutil.Process().children() if port in child.cmdline())
    return found


def _wait_until_ready(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + STARTUP_SECONDS
    with Client(url) as client:
        while not _ready(client):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("The server did not become ready; its log above says why.")
            time.sleep(0.1)


def _ready(client: Client) -> bool:
    try:
        return client.ready()
    except ServerUnreachableError:
        return False


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
