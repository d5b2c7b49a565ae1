"""Clients of a running service: each has one request under way at any time, for so many seconds."""

import asyncio
import json
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from benchmarks.load.connections import Connection, CutError
from benchmarks.load.requests import Request

BUSY = 429
BEFORE = 0.3  # of the time of a load, before what comes back counts
CUT = 0  # the status of a connection that ended without an answer
Next = Callable[[], Request]


@dataclass
class Answered:
    """What came back in so many seconds: milliseconds of each answer by its status, CUT if none came."""

    seconds: float = 0
    milliseconds: dict[int, list[float]] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        """Good answers a second."""
        return len(self.good) / self.seconds

    @property
    def good(self) -> list[float]:
        """Milliseconds of the answers that are no refusals."""
        return [ms for status, taken in self.milliseconds.items() if CUT < status < 400 for ms in taken]

    @property
    def refused(self) -> int:
        """How many others there were."""
        return sum(map(len, self.milliseconds.values())) - len(self.good)

    def percentile(self, percent: float) -> float:
        """Milliseconds, of the good ones; not a number if there are none."""
        return float(np.percentile(self.good or [np.nan], percent))

    def add(self, status: int, milliseconds: float) -> None:
        """One more."""
        self.milliseconds.setdefault(status, []).append(milliseconds)


def load(url: str, clients: Sequence[Next], seconds: float) -> Answered:
    """All clients at once, each asking again when it is answered, or after the time that a refusal names.

    What comes back in the first moments, and after the time is up, doesn't count: not all are at it then.
    """
    return asyncio.run(_load(url, clients, seconds))


def ask_all(url: str, requests: Iterable[Request], at_once: int) -> list[dict[str, Any]]:
    """The JSON answers to these, in their order. Raises RuntimeError for a refusal."""
    return asyncio.run(_ask_all(url, requests, at_once))


def arrive(url: str, request: Request, rate: float, seconds: float) -> Answered:
    """So many requests a second, whether earlier ones are answered or not; then to their last answers."""
    return asyncio.run(_arrive(url, request, rate, seconds))


async def _load(url: str, clients: Sequence[Next], seconds: float) -> Answered:
    answered = Answered(seconds)
    begin = time.perf_counter() + BEFORE * seconds
    end = begin + seconds

    async def client(request: Next) -> None:
        connection = Connection()
        while time.perf_counter() < end:
            status, milliseconds, wait = await _ask(connection, url, request())
            if begin < time.perf_counter() < end:
                answered.add(status, milliseconds)
            await asyncio.sleep(wait)
        connection.close()

    async with asyncio.TaskGroup() as group:
        for each in clients:
            group.create_task(client(each))
    return answered


async def _arrive(url: str, request: Request, rate: float, seconds: float) -> Answered:
    answered, start, idle = Answered(), time.perf_counter(), list[Connection]()

    async def ask() -> None:
        connection = idle.pop() if idle else Connection()
        status, milliseconds, _ = await _ask(connection, url, request)
        answered.add(status, milliseconds)
        idle.append(connection)

    async with asyncio.TaskGroup() as group:
        for number in range(int(rate * seconds)):
            await asyncio.sleep(start + number / rate - time.perf_counter())
            group.create_task(ask())
    answered.seconds = time.perf_counter() - start
    for connection in idle:
        connection.close()
    return answered


async def _ask(connection: Connection, url: str, request: Request) -> tuple[int, float, float]:
    """Status, milliseconds, and the seconds to wait before one asks again."""
    begun = time.perf_counter()
    try:
        answer = await connection.ask(*_address(url), request)
    except CutError:
        return CUT, 1e3 * (time.perf_counter() - begun), 0.0
    wait = float(answer.headers[b"retry-after"]) if answer.status == BUSY else 0.0
    return answer.status, 1e3 * (time.perf_counter() - begun), wait


async def _ask_all(url: str, requests: Iterable[Request], at_once: int) -> list[dict[str, Any]]:
    waiting = list(enumerate(requests))[::-1]
    answers: dict[int, dict[str, Any]] = {}

    async def client() -> None:
        connection = Connection()
        while waiting:
            number, request = waiting.pop()
            answer = await connection.ask(*_address(url), request)
            if answer.status >= 400:
                raise RuntimeError(f"{url}{request.path} answered {answer.status}: {answer.body.decode()[:300]}")
            answers[number] = json.loads(answer.body)
        connection.close()

    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(client())
    return [answers[number] for number in sorted(answers)]


def _address(url: str) -> tuple[str, int]:
    host, _, port = url.removeprefix("http://").partition(":")
    return host, int(port)
