"""Spoiled images, zips and multipart bodies, through the code that reads uploads and through a real server.

    python -m tests.faults.fuzz                              # 100,000 to the code, 3,000 to a server
    python -m tests.faults.fuzz --inputs 1 --first 4711      # the one again that failed

Input i of a seed is always the same. Each must be read, or refused with a problem below 500, within a second of
computing; memory and open files must stay as they are, and the server's event loop may not stand still for 100 ms.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from http import HTTPStatus
from multiprocessing import get_context
from pathlib import Path
from types import SimpleNamespace

import httpx
import torch
from fastapi import Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.forms import AdaptForm
from app.errors import AppError
from app.http.forms.form_requests import form_limits, reads
from app.http.middleware.body_size import BodySizeMiddleware
from app.http.middleware.form_integrity import FormIntegrityMiddleware
from app.inputs.archives.reader import ArchiveReader
from app.inputs.decoding import Decoder
from app.inputs.inspection import inspected
from app.inputs.limits import ImageLimits
from app.inputs.support_set import Upload
from app.settings import Settings
from app.threads import Cancellation
from models.checkpoint import SHIPPED
from models.inputs.image import ImageInput
from tests.faults import mutations
from tests.faults.watchdog import Watchdog, memory, open_files
from tests.serving import Command, Server

SEED = 1
CHUNK = 250
MOST_SECONDS = 1.0
MOST_STALL = 0.1
MOST_GROWTH = 64 * 2**20  # bytes, of a process, after the first third
SPEC = ImageInput(channels=3, size=28)
KINDS = ("image", "archive", "form")


@dataclass
class Report:
    """What some inputs came to."""

    outcomes: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0
    faults: list[str] = field(default_factory=list)
    memory: dict[int, list[int]] = field(default_factory=dict)
    files: dict[int, list[int]] = field(default_factory=dict)

    def add(self, other: Report) -> None:
        """Takes in another's."""
        self.outcomes += other.outcomes
        self.slowest = max(self.slowest, other.slowest)
        self.faults += other.faults
        for ours, theirs in ((self.memory, other.memory), (self.files, other.files)):
            for pid, values in theirs.items():
                ours.setdefault(pid, []).extend(values)

    def growth(self) -> int:
        """Bytes that a process grew by, at most, after its first third."""
        return max((values[-1] - max(values[: len(values) // 3 + 1]) for values in self.memory.values()), default=0)


@cache
def valid(kind: str) -> list[bytes]:
    """What is spoiled."""
    return {"image": mutations.pictures, "archive": mutations.archives, "form": mutations.forms}[kind]()


def made(seed: int, index: int) -> tuple[str, bytes]:
    """Input `index`: its kind, and its bytes."""
    draw = random.Random(f"{seed}:{index}")  # noqa: S311
    kind = draw.choices(KINDS, (6, 2, 2))[0]
    others = [data for each in KINDS for data in valid(each)]
    return kind, mutations.mutated(draw, draw.choice(valid(kind)), others)


def read(kind: str, data: bytes) -> None:
    """What the server does with it before the engine. Raises what that raises."""
    settings = Settings()
    if kind == "image":
        Decoder(ImageLimits.of(settings)).decode(iter([(Upload("images", 0, "a"), data)]), SPEC, Cancellation())
    elif kind == "archive":
        support, contents = ArchiveReader.of(settings).read(data, "a.zip")
        inspected(support, Decoder(ImageLimits.of(settings)).each(contents, SPEC, Cancellation()), SPEC)
    else:
        asyncio.run(_read_form(data, settings))


async def _read_form(data: bytes, settings: Settings) -> None:
    limits = SimpleNamespace(state=SimpleNamespace(form_limits=form_limits(settings)))

    async def form(scope: Scope, receive: Receive, _: Send) -> None:
        async for fields in reads(AdaptForm)(Request(scope, receive)):
            for file in filter(None, (*fields.images, fields.archive, fields.table)):
                await file.read()

    parts: Iterator[bytes] = (data[start : start + 2**16] for start in range(0, len(data) + 1, 2**16))
    sent = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
    sent[-1]["more_body"] = False
    messages = iter(sent)

    async def receive() -> Message:
        return next(messages)

    content_type = b"multipart/form-data; boundary=" + mutations.BOUNDARY
    scope = {"type": "http", "method": "POST", "headers": [(b"content-type", content_type)], "app": limits}
    app: ASGIApp = BodySizeMiddleware(FormIntegrityMiddleware(form), settings.max_body_bytes)
    await app(scope, receive, _send)


async def _send(message: Message) -> None:
    """Nothing is answered."""


def outcome(kind: str, data: bytes) -> str:
    """ "read", or the refusal. Raises what is no refusal."""
    try:
        read(kind, data)
    except AppError as error:
        if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise
        return error.type.removeprefix("/problems/")
    except RequestValidationError:
        return "request-invalid"
    except HTTPException as error:
        meant = error.__cause__ is None or isinstance(error.__cause__, MultiPartException)
        if error.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR or not meant:
            raise
        return f"{error.status_code}"
    return "read"


def examine(seed: int, first: int, count: int) -> Report:
    """Runs a chunk of inputs, in this process."""
    torch.set_num_threads(1)
    logging.disable(logging.CRITICAL)
    report = Report()
    for index in range(first, first + count):
        kind, data = made(seed, index)
        start = time.thread_time()
        try:
            result = outcome(kind, data)
        except Exception as error:  # whatever it is, it is a finding
            result = "FAULT"
            report.faults.append(f"--seed {seed} --first {index}: {kind}: {type(error).__name__}: {error}")
        seconds = time.thread_time() - start
        if seconds > MOST_SECONDS:
            report.faults.append(f"--seed {seed} --first {index}: {kind}: took {seconds:.2f} s")
        report.slowest = max(report.slowest, seconds)
        report.outcomes[f"{kind}: {result}"] += 1
    gc.collect()
    resident = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    report.memory[os.getpid()] = [resident]
    report.files[os.getpid()] = [len(list(Path("/proc/self/fd").iterdir()))]
    return report


def through_the_code(seed: int, first: int, count: int, processes: int) -> Report:
    """All inputs, in worker processes."""
    report = Report()
    starts = range(first, first + count, CHUNK)
    sizes = [min(CHUNK, first + count - start) for start in starts]
    with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
        for part in pool.map(examine, [seed] * len(sizes), starts, sizes):
            report.add(part)
    if report.growth() > MOST_GROWTH:
        report.faults.append(f"memory grew by {report.growth() / 2**20:.0f} MiB")
    for files in report.files.values():
        if files[-1] > files[0]:
            report.faults.append(f"open files grew from {files[0]} to {files[-1]}")
    return report


def post(client: httpx.Client, seed: int, index: int) -> tuple[int, str]:
    """Sends an input to a server: images and archives as a form that is well made, some of them to be looked into."""
    kind, data = made(seed, index)
    if kind == "form":
        headers = {"Content-Type": f"multipart/form-data; boundary={mutations.BOUNDARY.decode()}"}
        answer = client.post("/adapt", content=data, headers=headers)
    elif index % 4 == 0:
        answer = client.post("/inspect", files={"images" if kind == "image" else "archive": ("a", data)})
        kind += " to look into"
    elif kind == "archive":
        answer = client.post("/adapt", files={"archive": ("a.zip", data)}, data={"steps": "0"})
    else:
        files = [("images", ("a.png", each)) for each in (data, valid("image")[0])]
        answer = client.post("/adapt", files=files, data={"labels": ["a", "b"], "steps": "0"})
    return answer.status_code, f"{kind}: {answer.status_code}"


def through_a_server(server: Server, seed: int, first: int, count: int, clients: int = 2) -> Report:
    """All inputs, to POST /adapt and /inspect, while a watchdog asks."""
    report = Report()
    assert server.process
    with httpx.Client(base_url=server.url, timeout=60) as client, ThreadPoolExecutor(clients) as pool:
        indices = range(first, first + count)
        list(pool.map(lambda index: post(client, seed, index), indices[:300]))  # to warm up
        before, files = memory(server), len(open_files(server))
        with Watchdog(server) as watchdog:
            for index, (status, result) in enumerate(pool.map(lambda index: post(client, seed, index), indices), first):
                report.outcomes[result] += 1
                if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                    report.faults.append(f"--seed {seed} --first {index}: {result}")
        if memory(server) - before > MOST_GROWTH:  # large pictures at the same time leave room behind, but once: again
            before = memory(server)
            list(pool.map(lambda index: post(client, seed, index), indices))
    report.slowest = watchdog.stall
    report.memory[server.process.pid] = [before, memory(server)]
    if watchdog.stall > MOST_STALL:
        report.faults.append(f"the event loop stood still for {watchdog.stall * 1000:.0f} ms")
    if memory(server) - before > MOST_GROWTH:
        report.faults.append(f"the server grew by {(memory(server) - before) / 2**20:.0f} MiB")
    if len(open_files(server)) > files + 2:
        report.faults.append(f"open files: {open_files(server)}")
    if "unexpected error" in server.log.read_text():
        report.faults.append(f"unexpected errors in {server.log}")
    return report


def _serve(directory: Path) -> Server:
    shutil.copy(SHIPPED / "omniglot.safetensors", directory)
    # Without a cache of models, which would fill, and hide what grows.
    settings = {"checkpoint": "omniglot", "cache_bytes": 0, "refusals_per_second": 10_000}
    server = Command(directory, compiled=True, checkpoints=directory, **settings)
    server.start()
    return server


def _say(title: str, report: Report) -> None:
    total = sum(report.outcomes.values())
    shares = ", ".join(f"{name} {number}" for name, number in report.outcomes.most_common())
    sys.stdout.write(f"{title}: {total} inputs\n  {shares}\n  slowest {report.slowest * 1000:.0f} ms\n")
    sys.stdout.write(f"  memory +{report.growth() / 2**20:.0f} MiB after the first third\n")
    sys.stdout.writelines(f"  FAULT {fault}\n" for fault in report.faults)
    sys.stdout.flush()


def main() -> int:
    """The command line; returns the number of faults, as far as an exit status goes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=100_000, help="through the code (default 100,000)")
    parser.add_argument("--requests", type=int, default=3000, help="through a server (default 3,000)")
    parser.add_argument("--first", type=int, default=0, help="number of the first (default 0)")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    given = parser.parse_args()
    code = through_the_code(given.seed, given.first, given.inputs, given.processes)
    _say("Through the code", code)
    if given.inputs == 1:
        return len(code.faults)
    with tempfile.TemporaryDirectory() as directory:
        server = _serve(Path(directory))
        try:
            http = through_a_server(server, given.seed, given.first, given.requests)
        finally:
            server.stop()
    _say("Through a server", http)
    return min(1, len(code.faults) + len(http.faults))


if __name__ == "__main__":
    sys.exit(main())
