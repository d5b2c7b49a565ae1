"""Ask a service for four times as much as it can do.

    python -m benchmarks.overload                             # some 2 minutes
    python -m benchmarks.overload --times 8 --seconds 120

First 32 clients that ask again when they are answered tell what it can do; then requests to adapt to 25 drawings come
at a fixed rate, several times that, whether earlier ones are answered or not. All the while another client asks for
/livez ten times a second. The server is `kshot serve` with its default limits, on the loopback.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Annotated

import httpx
import numpy as np
import psutil
import typer

from app.settings import Settings
from benchmarks.load.clients import BUSY, CUT, Answered, arrive, load
from benchmarks.load.requests import Form, Request, pictures
from benchmarks.machine import describe_machine
from benchmarks.server import running_server, server_process

STEPS = 10
CLIENTS = 32
LOOK_SECONDS = 0.1
RECOVERED = 1.5  # times the latency of before


@dataclass
class Watched:
    """What /livez and the system said, ten times a second."""

    milliseconds: list[float] = field(default_factory=list)
    resident: list[int] = field(default_factory=list)
    """Bytes of the server's memory."""


def main(
    times: Annotated[float, typer.Option(min=1, help="How many times what it can do is asked of it.")] = 4,
    seconds: Annotated[float, typer.Option(min=5, help="Of overload.")] = 60,
) -> None:
    """Overload a running service."""
    typer.echo(f"{describe_machine()}; {times:g} times what it can do for {seconds:g} s\n")
    drawings = pictures("omniglot")
    request = Form("omniglot").adapt(drawings.support, STEPS)
    with running_server() as url:
        server = server_process(url)
        load(url, [lambda: request] * CLIENTS, 3)  # warm
        before = _lone(url, request)
        bears = load(url, [lambda: request] * CLIENTS, 10)
        time.sleep(1)
        with _watching(url, server) as watched:
            overloaded = arrive(url, request, times * bears.rate, seconds)
        recovery = _recovery(url, request, before)
    _report(bears, overloaded, watched)
    typer.echo(f"| a lone client before, p50 ms | {before:.0f} |")
    typer.echo(f"| seconds until a lone client is answered within {RECOVERED:g} times that | {recovery} |")


def _lone(url: str, request: Request) -> float:
    return load(url, [lambda: request], 3).percentile(50)


@contextmanager
def _watching(url: str, server: psutil.Process) -> Iterator[Watched]:
    watched, ended = Watched(), threading.Event()

    def watch() -> None:
        with httpx.Client(base_url=url, timeout=60) as http:
            while not ended.wait(LOOK_SECONDS):
                start = time.perf_counter()
                http.get("/livez").raise_for_status()
                watched.milliseconds.append(1e3 * (time.perf_counter() - start))
                watched.resident.append(server.memory_info().rss)

    thread = threading.Thread(target=watch)
    thread.start()
    yield watched
    ended.set()
    thread.join()


def _recovery(url: str, request: Request, before: float) -> str:
    """Seconds from the overload's last answer."""
    start = time.perf_counter()
    with httpx.Client(base_url=url, timeout=60) as http:
        while time.perf_counter() - start < 60:
            begun = time.perf_counter()
            answer = http.post(request.path, content=request.body, headers=list(request.headers))
            if answer.is_success and 1e3 * (time.perf_counter() - begun) <= RECOVERED * before:
                return f"{begun - start:.1f}"
    return "more than 60"


def _report(bears: Answered, overloaded: Answered, watched: Watched) -> None:
    settings = Settings()
    limit = settings.queue_seconds + settings.compute_seconds
    refusals = overloaded.milliseconds.get(BUSY, [])
    others = {
        status: len(taken)
        for status, taken in overloaded.milliseconds.items()
        if (status >= 400 and status != BUSY) or status == CUT
    }
    slow = sum(ms > 100 for ms in refusals)
    resident = np.array(watched.resident) / 1e6
    rows = {
        "it can do, adaptations a second": f"{bears.rate:.1f}",
        "asked for and answered, a second": f"{_asked(overloaded):.1f} and {overloaded.rate:.1f}",
        f"accepted: p50, p99 and longest s (limit {limit:g})": _spread(overloaded.good, 1e-3, ".1f"),
        "refused with 429 and Retry-After: p50, p99 and longest ms": _spread(refusals, 1, ".0f"),
        "of these after more than 100 ms": f"{slow} of {len(refusals)}",
        "other refusals, by status": str(others or "none"),
        "/livez: p50, p99 and longest ms": _spread(watched.milliseconds, 1, ".0f"),
        "memory, MB: at first, at most, at last": f"{resident[0]:.0f}, {resident.max():.0f}, {resident[-1]:.0f}",
    }
    typer.echo("| | |\n|---|---|")
    for what, value in rows.items():
        typer.echo(f"| {what} | {value} |")


def _asked(answered: Answered) -> float:
    return sum(map(len, answered.milliseconds.values())) / answered.seconds


def _spread(values: list[float], scale: float, form: str) -> str:
    if not values:
        return "none"
    found = (*np.percentile(values, (50, 99)), max(values))
    return ", ".join(format(scale * value, form) for value in found)


if __name__ == "__main__":
    typer.run(main)
