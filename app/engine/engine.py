"""The one thread that owns the device: it takes the jobs that wait and runs like ones together."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from enum import StrEnum
from typing import Any, TypeVar

import structlog
import torch
from torch import Tensor

from app.engine import memory
from app.engine.batch_shares import Lanes
from app.engine.fair_queue import Waiting
from app.engine.jobs import Abandoned, Check, Finished, Job, Work
from app.errors import ComputeTimeout, EngineError, NotReady, OutOfMemory, QueueTimeout
from app.observability.metrics import Metrics
from app.settings import Settings
from models.learner import Learner

T = TypeVar("T")
SMALL = 10**7  # numbers to compute, up to which to wake a second thread costs more than it helps
ENCODED_TOGETHER = 32  # images: what is encoded between two looks at whether anybody still waits
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

    def __init__(
        self, load: Callable[[], Mapping[str, Learner]], settings: Settings, metrics: Metrics | None = None
    ) -> None:
        self.settings = settings
        self.metrics = metrics or Metrics()
        self.state = State.LOADING
        self.loaded = threading.Event()  # or not to be loaded
        self.learners: Mapping[str, Learner] = {}
        self.computing: Counter[str] = Counter()  # works of each tenant, in the batch that runs
        self._load = load
        self._waiting = Waiting(settings, self._bytes_needed)
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

    @property
    def ready(self) -> bool:
        """Whether it takes works."""
        return self.state is State.READY

    @property
    def depth(self) -> int:
        """Works that wait for their turn."""
        with self._changed:
            return len(self._waiting)

    def require_ready(self) -> None:
        """Raises NotReady."""
        if not self.ready:
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

    async def run(self, work: Work[T], tenant: str = "") -> Finished[T]:
        """The result of a tenant's work; cancelling drops it, and ends a batch that nobody else waits for.

        Raises EngineError, or what the learner raises.
        """
        job = Job(work, tenant)
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
            self._waiting.add(job)
            self._changed.notify()

    def _abandon(self, job: Job[Any]) -> None:
        """Nobody waits for it any more: frees its place in the queue."""
        job.abandoned = True
        with self._changed:
            self._waiting.remove(job)

    def _live(self) -> None:
        try:
            self.learners = self._load()
        except Exception:
            log.exception("checkpoints could not be loaded", checkpoints=str(self.settings.checkpoints))
            self.state = State.FAILED
            self.loaded.set()
            return
        with self._changed:
            if self.state is State.LOADING:
                self.state = State.READY
        self.loaded.set()
        self._lanes = Lanes(torch.get_num_threads())
        log.info("ready", checkpoints=sorted(self.learners), threads=self._lanes.threads)
        while self._wait():
            jobs = self._take()
            self.computing = Counter(job.tenant for job in jobs)
            self._run_batch(jobs)
            self.computing = Counter()
        self._lanes.close()

    def _wait(self) -> bool:
        """Until there are jobs, and a little longer for those in preparation; False when it is time to end."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self.state is State.DRAINING)
            if self._expected:
                self._changed.wait_for(lambda: not self._expected, self.settings.patience_ms / 1e3)
            return bool(self._waiting) or self.state is not State.DRAINING

    def _take(self) -> list[Job[Any]]:
        with self._changed:
            return self._waiting.take()

    def _run_batch(self, jobs: Sequence[Job[Any]]) -> None:
        """Runs jobs of one group; by halves if that fails, so that one cannot spoil it for the others."""
        jobs = [job for job in jobs if not (job.abandoned or job.settled)]
        for job in jobs:
            job.start()
        if jobs and not self._try(jobs):
            middle = len(jobs) // 2
            self._run_batch(jobs[:middle])
            self._run_batch(jobs[middle:])

    def _try(self, jobs: Sequence[Job[Any]]) -> bool:
        """Whether this settled them; if not, nothing is left of what it took, so that halves have the room."""
        try:
            self._compute(jobs)
        except Abandoned:
            self._ended(jobs)
        except Exception as error:
            exhausted = memory.is_exhausted(error)
            if len(jobs) > 1:
                self.metrics.halved(exhausted)
                log.warning(
                    "a batch failed and is halved",
                    jobs=len(jobs),
                    error=repr(error),
                    requests=[job.request for job in jobs],
                )
            else:
                jobs[0].fail(_too_large(jobs[0]) if exhausted else error)
            if exhausted:
                memory.release()
            return len(jobs) == 1
        return True

    def _compute(self, jobs: Sequence[Job[Any]]) -> None:
        """Encodes all images together, then on a CPU each lane computes for some of the jobs."""
        learner = self.learners[jobs[0].work.checkpoint]
        start = time.perf_counter()
        features = _encode(learner, torch.cat([job.work.images for job in jobs]), _check(jobs))
        encoded = time.perf_counter()

        def compute(share: Sequence[tuple[Job[Any], Tensor]]) -> None:
            sharing, parts = zip(*share, strict=True)
            try:
                results = sharing[0].work.run(learner, [job.work for job in sharing], parts, _check(sharing))
            except Abandoned:  # which other lanes need not be
                self._ended(sharing)
                return
            end = time.perf_counter()
            for job, value in zip(sharing, results, strict=True):
                job.finish(Finished(value, _ms(job.submitted, start), _ms(start, encoded), _ms(encoded, end)))

        parts = torch.split(features, [len(job.work.images) for job in jobs])
        tasks = list(zip(jobs, parts, strict=True))
        if learner.device.type == "cpu":
            self._lanes.run(compute, tasks, small=_values(learner, jobs) < SMALL)
        else:
            compute(tasks)
        self.metrics.batch(jobs[0].work.kind, jobs[0].work.checkpoint, [len(job.work.images) for job in jobs])

    def _ended(self, jobs: Sequence[Job[Any]]) -> None:
        self.metrics.abandoned()
        log.info("a batch was ended, as nobody waits for it", jobs=len(jobs), requests=[job.request for job in jobs])

    def _bytes_needed(self, checkpoint: str, tasks: int, images: int) -> int:
        return self.learners[checkpoint].bytes_needed(tasks, images)


def _check(jobs: Sequence[Job[Any]]) -> Check:
    def check() -> None:
        if all(job.abandoned for job in jobs):
            raise Abandoned

    return check


def _encode(learner: Learner, images: Tensor, check: Check) -> Tensor:
    parts = []
    for part in torch.split(images, ENCODED_TOGETHER):
        check()
        parts.append(learner.encode(part))
    return torch.cat(parts)


def _values(learner: Learner, jobs: Sequence[Job[Any]]) -> int:
    """About how many numbers the network makes for these jobs."""
    return learner.architecture.network.activations * sum(len(job.work.images) * job.work.passes for job in jobs)


def _too_large(job: Job[Any]) -> OutOfMemory:
    images = len(job.work.images)
    about = {"checkpoint": job.work.checkpoint, "images": images, **job.request}
    log.error("out of memory for one request alone", **about)
    return OutOfMemory(f"The server has too little memory for {images} images now. Send fewer, or try again later.")


def _ms(start: float, end: float) -> float:
    return round((end - start) * 1e3, 3)


@asynccontextmanager
async def _limit(seconds: float, error: type[EngineError], what: str) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise error(f"It waited {seconds:g} s {what}, the limit here. Try again later, or ask for less.") from None
