"""Computes a batch of jobs, and by halves what fails as a whole."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import structlog
import torch
from torch import Tensor

from app.engine import memory
from app.engine.batch_shares import BatchShares
from app.engine.jobs import Finished, Job
from app.errors import OutOfMemory
from app.observability.metrics import Metrics
from app.threads import Cancellation, Cancelled
from models.learner import Learner

SMALL = 10**7  # numbers to compute; for fewer, waking a second thread costs more than it helps
ENCODED_TOGETHER = 32  # images that are encoded between two looks at whether anybody still waits
log = structlog.stdlib.get_logger("kshot.engine")


class BatchRunner:
    """Runs jobs of one group on the device. For the engine's thread, which owns it."""

    def __init__(self, learners: Mapping[str, Learner], threads: int, metrics: Metrics) -> None:
        self._learners = learners
        self._shares = BatchShares(threads)
        self._metrics = metrics

    def run(self, jobs: Sequence[Job[Any]]) -> None:
        """Settle the jobs: together, or by halves if that fails, so that one cannot spoil it for the others."""
        jobs = [job for job in jobs if not (job.cancellation.requested or job.settled)]
        for job in jobs:
            job.start()
        if jobs and not self._try(jobs):
            middle = len(jobs) // 2
            self.run(jobs[:middle])
            self.run(jobs[middle:])

    def close(self) -> None:
        """End the threads that share batches."""
        self._shares.close()

    def _try(self, jobs: Sequence[Job[Any]]) -> bool:
        """Return whether this settled the jobs. If not, nothing is left of what it took, so that halves have room."""
        try:
            self._compute(jobs)
        except Cancelled:
            self._ended(jobs)
        except Exception as error:
            return self._failed(jobs, error)
        return True

    def _failed(self, jobs: Sequence[Job[Any]], error: Exception) -> bool:
        exhausted = memory.is_exhausted(error)
        if len(jobs) > 1:
            self._metrics.halved(exhausted)
            requests = [job.request for job in jobs]
            log.warning("a batch failed and is halved", jobs=len(jobs), error=repr(error), requests=requests)
        else:
            jobs[0].fail(_out_of_memory(jobs[0]) if exhausted else error)
        if exhausted:
            memory.release()
        return len(jobs) == 1

    def _compute(self, jobs: Sequence[Job[Any]]) -> None:
        """Encode all images together; then, on a CPU, each share computes for some of the jobs."""
        learner = self._learners[jobs[0].work.checkpoint]
        start = time.perf_counter()
        features = _encode(learner, torch.cat([job.work.images for job in jobs]), _of_all(jobs))
        encoded = time.perf_counter()

        def compute(share: Sequence[tuple[Job[Any], Tensor]]) -> None:
            sharing, parts = zip(*share, strict=True)
            try:
                results = sharing[0].work.run(learner, [job.work for job in sharing], parts, _of_all(sharing))
            except Cancelled:  # the other shares go on
                self._ended(sharing)
                return
            end = time.perf_counter()
            for job, value in zip(sharing, results, strict=True):
                job.finish(Finished(value, _ms(job.submitted, start), _ms(start, encoded), _ms(encoded, end)))

        parts = torch.split(features, [len(job.work.images) for job in jobs])
        tasks = list(zip(jobs, parts, strict=True))
        if learner.device.type == "cpu":
            self._shares.run(compute, tasks, small=_values(learner, jobs) < SMALL)
        else:
            compute(tasks)
        self._metrics.batch(jobs[0].work.kind, jobs[0].work.checkpoint, [len(job.work.images) for job in jobs])

    def _ended(self, jobs: Sequence[Job[Any]]) -> None:
        self._metrics.abandoned()
        log.info("a batch was ended, as nobody waits for it", jobs=len(jobs), requests=[job.request for job in jobs])


def _of_all(jobs: Sequence[Job[Any]]) -> Cancellation:
    """Return the cancellation of a batch, which ends when nobody waits for any of its jobs."""
    return Cancellation(*(job.cancellation for job in jobs))


def _encode(learner: Learner, images: Tensor, cancellation: Cancellation) -> Tensor:
    parts = []
    for part in torch.split(images, ENCODED_TOGETHER):
        cancellation.check()
        parts.append(learner.encode(part))
    return torch.cat(parts)


def _values(learner: Learner, jobs: Sequence[Job[Any]]) -> int:
    """Return about how many numbers the network computes for these jobs."""
    return learner.architecture.network.activations * sum(len(job.work.images) * job.work.passes for job in jobs)


def _out_of_memory(job: Job[Any]) -> OutOfMemory:
    images = len(job.work.images)
    about = {"checkpoint": job.work.checkpoint, "images": images, **job.request}
    log.error("out of memory for one request alone", **about)
    return OutOfMemory(f"The server has too little memory for {images} images now. Send fewer, or try again later.")


def _ms(start: float, end: float) -> float:
    return round((end - start) * 1e3, 3)
