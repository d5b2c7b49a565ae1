"""The one thread that owns the device: it takes the jobs that wait and runs similar ones together."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeVar

import structlog
import torch

from app.engine.batch_runner import BatchRunner
from app.engine.checkpoint_registry import CheckpointRegistry
from app.engine.fair_queue import FairQueue
from app.engine.jobs import Finished, Job
from app.engine.limits import BatchLimits, QueueLimits
from app.engine.state import State
from app.engine.work import Work
from app.errors import ComputeTimeout, EngineError, NotReady, QueueFull, QueueTimeout
from app.observability.metrics import Metrics
from app.threads import Cancellation
from models.kernels import compilation

LATER = "Try again later."

T = TypeVar("T")
log = structlog.stdlib.get_logger("kshot.engine")


class Engine:
    """Batches the works of many requests on one device. It loads the checkpoints in its own thread."""

    def __init__(
        self,
        checkpoints: CheckpointRegistry,
        queue_limits: QueueLimits,
        batch_limits: BatchLimits,
        metrics: Metrics | None = None,
    ) -> None:
        self.checkpoints = checkpoints
        self.limits = queue_limits
        self.metrics = metrics or Metrics()
        self.state = State.LOADING
        self.loaded = threading.Event()  # set once loading has ended, well or not
        self.computing: Counter[str] = Counter()  # works of each tenant in the batch that runs
        self._queue = FairQueue(batch_limits, self._bytes_needed)
        self._patience_seconds = batch_limits.patience_ms / 1e3
        self._expected = 0
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._live, name="engine", daemon=True)

    def start(self) -> None:
        """Begin to load the checkpoints; return at once."""
        self._thread.start()

    def close(self) -> None:
        """Finish what waits, take nothing new, and end the thread. Blocks."""
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
        """How many works wait for their turn."""
        with self._changed:
            return len(self._queue)

    def require_ready(self) -> None:
        """Raise NotReady unless the engine takes works."""
        if not self.ready:
            raise NotReady(self.state.value)

    @contextmanager
    def expecting(self) -> Iterator[None]:
        """Announce a work while a request prepares it: the engine waits a little, to batch it with others."""
        with self._changed:
            self._expected += 1
        try:
            yield
        finally:
            with self._changed:
                self._expected -= 1

    async def run(self, work: Work[T], tenant: str = "") -> Finished[T]:
        """Return the result of a tenant's work. Cancelling drops it, and ends a batch that nobody else waits for.

        Raises EngineError, or what the learner raises.
        """
        with Cancellation() as cancellation:
            job = Job(work, tenant, cancellation)
            self._enqueue(job)
            try:
                async with _limit(self.limits.queue_seconds, QueueTimeout, "for its turn", LATER):
                    await job.started
                async with _limit(self.limits.compute_seconds, ComputeTimeout, "for the computation", work.lighter):
                    return await job.result
            finally:
                self._dequeue(job)

    def _enqueue(self, job: Job[Any]) -> None:
        with self._changed:
            self.require_ready()
            # Admission asks the same before a body is read; several bodies may have come in since.
            if obstacle := self.limits.obstacle(self._queue.tenants, job.tenant):
                raise QueueFull(f"{obstacle} Try again in a second.")
            self._queue.add(job)
            self._changed.notify()

    def _dequeue(self, job: Job[Any]) -> None:
        with self._changed:
            self._queue.remove(job)

    def _live(self) -> None:
        if not self._load():
            return
        threads = torch.get_num_threads()
        batches = BatchRunner(self.checkpoints.learners, threads, self.metrics)
        log.info(
            "ready", checkpoints=sorted(self.checkpoints.learners), threads=threads, compiler=compilation.describe()
        )
        while self._wait():
            jobs = self._take()
            self.computing = Counter(job.tenant for job in jobs)
            batches.run(jobs)
            self.computing = Counter()
        batches.close()

    def _load(self) -> bool:
        try:
            self.checkpoints.load()
        except Exception:
            log.exception("checkpoints could not be loaded", checkpoints=str(self.checkpoints.folder))
            self.state = State.FAILED
            return False
        else:
            with self._changed:
                if self.state is State.LOADING:  # unless it is closed already
                    self.state = State.READY
            return True
        finally:
            self.loaded.set()

    def _wait(self) -> bool:
        """Wait until there are jobs, and a little longer for those in preparation. Return False when it is to end."""
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self.state is State.DRAINING)
            if self._expected:
                self._changed.wait_for(lambda: not self._expected, self._patience_seconds)
            return bool(self._queue) or self.state is not State.DRAINING

    def _take(self) -> list[Job[Any]]:
        with self._changed:
            return self._queue.take()

    def _bytes_needed(self, checkpoint: str, tasks: int, images: int) -> int:
        return self.checkpoints.learners[checkpoint].bytes_needed(tasks, images)


@asynccontextmanager
async def _limit(seconds: float, error: type[EngineError], what: str, remedy: str) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        detail = f"The request waited {seconds:g} s {what}, the limit here. {remedy}"
        raise error(detail) from None
