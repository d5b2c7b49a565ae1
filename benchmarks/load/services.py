"""The services that are compared, each in a process of its own on the loopback."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import httpx

from app.tenants.keys import KeyFile
from benchmarks.load.ray_serve import running_ray
from benchmarks.load.requests import Form, Json, Labelled, Request
from benchmarks.server import free_port, running_server

KSHOT, ALONE, FASTAPI, LITSERVE = "kshot", "batching off", "plain FastAPI", "LitServe"
TOGETHER, TOGETHER_ALONE = "kshot, 2 processes", "2 processes, batching off"
RAY, HAPROXY = "Ray Serve", "Ray Serve, HAProxy"
SERVICES = (KSHOT, ALONE, TOGETHER, TOGETHER_ALONE, FASTAPI, LITSERVE)
OURS = {
    KSHOT: {},
    ALONE: {"batch_images": "1"},
    TOGETHER: {"processes": "2"},
    TOGETHER_ALONE: {"processes": "2", "batch_images": "1"},
}
BY_RAY = {RAY: False, HAPROXY: True}
"""Only where they are asked for, as they need Ray; whether HAProxy is in front."""
STARTUP_SECONDS = 120
PLENTY = "1000000"
CACHE = str(2 * 2**30)  # bytes; a thousand models, which the plain services keep in memory too


class Dialect(Protocol):
    """How a service is asked."""

    def adapt(self, support: Sequence[Labelled], steps: int | None) -> Request:
        """To make a model."""

    def predict(self, model_id: str, query: bytes) -> Request:
        """To classify one picture."""


@dataclass(frozen=True)
class Service:
    """A running service, and how each tenant asks it."""

    name: str
    url: str
    tenants: Sequence[Dialect]


@contextmanager
def running(names: Sequence[str], checkpoint: str, tenants: int) -> Iterator[list[Service]]:
    """All of these at once: those that are not asked do nothing."""
    with ExitStack() as stack:
        yield [stack.enter_context(_running(name, checkpoint, tenants)) for name in names]


@contextmanager
def _running(name: str, checkpoint: str, tenants: int) -> Iterator[Service]:
    if name in OURS or name in BY_RAY:
        with tempfile.TemporaryDirectory() as folder:
            keys = Path(folder) / "keys.json"
            forms = [Form(checkpoint, KeyFile(keys).add(f"tenant{number}")[1]) for number in range(tenants)]
            plenty = {"tenant_requests_per_minute": PLENTY, "max_queue_per_tenant": PLENTY, "cache_bytes": CACHE}
            with _ours(name, keys, plenty) as url:
                yield Service(name, url, forms)
    else:
        module = "plain_fastapi" if name == FASTAPI else "plain_litserve"
        dialect = Form(checkpoint) if name == FASTAPI else Json()
        with _running_module(f"benchmarks.load.{module}", checkpoint) as url:
            yield Service(name, url, [dialect] * tenants)


def _ours(name: str, keys: Path, settings: Mapping[str, str]) -> AbstractContextManager[str]:
    if name in BY_RAY:
        return running_ray(BY_RAY[name], keys, **settings)
    return running_server(None, keys=str(keys), **settings, **OURS[name])


@contextmanager
def _running_module(module: str, checkpoint: str) -> Iterator[str]:
    port = free_port()
    command = [sys.executable, "-m", module, str(port), checkpoint]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)
    try:
        _wait_until_healthy(f"http://127.0.0.1:{port}/health", process)
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, signal.SIGKILL)  # LitServe's workers outlive a mere SIGTERM of it
        process.wait()


def _wait_until_healthy(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + STARTUP_SECONDS
    while not _healthy(url):
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"{url} did not answer; what it said is above.")
        time.sleep(0.2)


def _healthy(url: str) -> bool:
    try:
        return httpx.get(url).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False
