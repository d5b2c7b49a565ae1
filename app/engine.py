"""The one thread that owns the device: it takes the jobs that wait and runs like ones together."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from enum import StrEnum
from typing import Any, TypeVar

import structlog
import torch

from app.errors import ComputeTimeout, EngineError, NotReady, QueueFull, QueueTimeout
from app.jobs import Finished, Job, Work
from app.settings import Settings
from models.learner import Learner

T = TypeVar("T")
log = structlog.stdlib.get_logger("kshot.engine")


class State(StrEnum):
    """Where the engine is in its life, in words for users."""

    LOADING = "The server is loading its checkpoints. Try again in a moment."
    READY = "The server is ready."
    FAILED = "The server could not load its checkpoints. Its log says why."
    DRAINING = "The server is shutting down. Try another, or again when it is back."


class Engine:
    """Batches works of many requests on one device.

    `load` runs in the engine's thread and gives the learners by the names of their checkpoints.
    """

    def __init__(self, load: Callable[[], Mapping[str, Learner]], settings: Settings) -> None:
        self.settings = settings
        self.state = State.LOADING
        self.learners: Mapping[str, Learner] = {}
        self._load = load
        self._waiting: deque[Job[Any]] = deque()
        self._expected = 0
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._live, name="engine", daemon=True)

    def start(self) -> None:
        """Begins to load; returns at once."""
        self._thread.start()

    def close(self) -> None:
        """Finishes what waits, takes nothing new, and ends the thread. Blocks."""
        with self._changed:
            self.state = State.DRAINING
            self._changed.notify_all()
        self._thread.join()

    def require_ready(self) -> None:
        """Raises NotReady."""
        if self.state is not State.READY:
            raise NotReady(self.state.value)

    @contextmanager
    def expecting(self) -> Iterator[None]:
        """While a request prepares its work: the engine then waits a little, to batch it with others."""
        with self._changed:
            self._expected += 1
        try:
            yield
        finally:
            with self._changed:
                self._expected -= 1

    async def run(self, work: Work[T]) -> Finished[T]:
        """The result of a work; cancelling drops it. Raises EngineError, or what the learner raises."""
        job = Job(work)
        self._enqueue(job)
        try:
            async with _limit(self.settings.queue_seconds, QueueTimeout, "for its turn"):
                await job.started
            async with _limit(self.settings.compute_seconds, ComputeTimeout, "for the computation"):
                return await job.result
        finally:
            self._abandon(job)

    def _enqueue(self, job: Job[Any]) -> None:
        with self._changed:
            self.require_ready()
            if len(self._waiting) >= self.settings.max_queue:
                raise QueueFull(f"{len(self._waiting)} requests are waiting already. Try again in a second.")
            self._waiting.append(job)
            self._changed.notify()

    def _abandon(self, job: Job[Any]) -> None:
        """Nobody waits for it any more: frees its place in the queue."""
        job.abandoned = True
        with self._changed:
            if job in self._waiting:
                self._waiting.remove(job)

    def _live(self) -> None:
        try:
            self.learners = self._load()
        except Exception:
            log.exception("checkpoints could not be loaded", checkpoints=str(self.settings.checkpoints))
            self.state = State.FAILED
            return
        with self._changed:
            if self.state is State.LOADING:
                self.state = State.READY
        log.info("ready", checkpoints=sorted(self.learners), threads=torch.get_num_threads())
        while self._wait():
            for group in _grouped(self._take()):
                self._run_batch(group)

    def _wait(self) -> bool:
        """Until there are jobs, and a little longer for those in preparation; False when it is time to end."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self.state is State.DRAINING)
            if self._expected:
                self._changed.wait_for(lambda: not self._expected, self.settings.patience_ms / 1e3)
            return bool(self._waiting) or self.state is not State.DRAINING

    def _take(self) -> list[Job[Any]]:
        """Those that fit a batch, in the order they came; none, if all were cancelled meanwhile."""
        with self._changed:
            jobs: list[Job[Any]] = []
            largest = 0
            while self._waiting:
                largest = max(largest, len(self._waiting[0].work.images))
                if jobs and largest * (len(jobs) + 1) > self.settings.batch_images:
                    break
                jobs.append(self._waiting.popleft())
            return jobs

    def _run_batch(self, jobs: Sequence[Job[Any]]) -> None:
        """Runs jobs of one group; by halves if that fails, so that one cannot spoil it for the others."""
        jobs = [job for job in jobs if not job.abandoned]
        if not jobs:
            return
        for job in jobs:
            job.start()
        try:
            self._compute(jobs)
        except Exception as error:
            if len(jobs) == 1:
                jobs[0].fail(error)
                return
            log.warning("a batch failed and is halved", jobs=len(jobs), error=repr(error))
            middle = len(jobs) // 2
            self._run_batch(jobs[:middle])
            self._run_batch(jobs[middle:])

    def _compute(self, jobs: Sequence[Job[Any]]) -> None:
        works = [job.work for job in jobs]
        learner = self.learners[works[0].checkpoint]
        start = time.perf_counter()
        features = learner.encode(torch.cat([work.images for work in works]))
        encoded = time.perf_counter()
        results = works[0].run(learner, works, torch.split(features, [len(work.images) for work in works]))
        end = time.perf_counter()
        for job, value in zip(jobs, results, strict=True):
            job.finish(Finished(value, _ms(job.submitted, start), _ms(start, encoded), _ms(encoded, end)))


def _ms(start: float, end: float) -> float:
    return round((end - start) * 1e3, 3)


def _grouped(jobs: Sequence[Job[Any]]) -> list[list[Job[Any]]]:
    groups: dict[Hashable, list[Job[Any]]] = defaultdict(list)
    for job in jobs:
        groups[job.work.group].append(job)
    return list(groups.values())


@asynccontextmanager
async def _limit(seconds: float, error: type[EngineError], what: str) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise error(f"It waited {seconds:g} s {what}, the limit here. Try again later, or ask for less.") from None
