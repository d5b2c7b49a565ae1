"""The jobs that wait for the engine, and which of them are next."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator
from itertools import zip_longest
from typing import Any, TypeAlias

from app.engine.jobs import Job
from app.engine.limits import BatchLimits

BytesNeeded: TypeAlias = Callable[[str, int, int], int]
"""Estimates the memory of so many tasks of so many images each, with the checkpoint of this name."""


class FairQueue:
    """Jobs by tenant: a tenant's own run in the order they came, and tenants take turns. Not thread-safe.

    How long it may grow is for others to say (app.engine.limits.QueueLimits).
    """

    def __init__(self, limits: BatchLimits, bytes_needed: BytesNeeded) -> None:
        self.limits = limits
        self._bytes_needed = bytes_needed
        self._queues: dict[str, deque[Job[Any]]] = {}  # the tenant whose turn it is comes first; no queue is empty

    def __len__(self) -> int:
        return sum(map(len, self._queues.values()))

    @property
    def tenants(self) -> Counter[str]:
        """How many jobs of each tenant wait."""
        return Counter({tenant: len(queue) for tenant, queue in self._queues.items()})

    def add(self, job: Job[Any]) -> None:
        """Put a job behind its tenant's others."""
        self._queues.setdefault(job.tenant, deque()).append(job)

    def remove(self, job: Job[Any]) -> None:
        """Take a job out, if it is still here."""
        queue = self._queues.get(job.tenant, ())
        if job in queue:
            self._queues[job.tenant].remove(job)
            self._drop_empty(job.tenant)

    def take(self) -> list[Job[Any]]:
        """Take out a batch: the job whose turn it is, and as many of its group, in turn, as fit; [] if none waits."""
        batch: list[Job[Any]] = []
        largest = 0
        for job in self._in_turn():
            padded = max(largest, len(job.work.images))
            if not batch or (job.work.group == batch[0].work.group and self._fits(job, len(batch) + 1, padded)):
                batch.append(job)
                largest = padded
        for job in batch:
            self.remove(job)
        self._end_turns({job.tenant for job in batch})
        return batch

    def _fits(self, job: Job[Any], tasks: int, images: int) -> bool:
        """Return whether a batch of so many tasks, each padded to so many images, is within the limits."""
        needed = self._bytes_needed(job.work.checkpoint, tasks, images)
        return tasks * images <= self.limits.batch_images and needed <= self.limits.batch_bytes

    def _in_turn(self) -> Iterator[Job[Any]]:
        """Yield the first job of each tenant, then the second of each, and so on."""
        rounds = zip_longest(*self._queues.values())
        return (job for each in rounds for job in each if job)

    def _end_turns(self, tenants: set[str]) -> None:
        """Put these tenants behind those who got nothing this time."""
        for tenant in [each for each in self._queues if each in tenants]:
            self._queues[tenant] = self._queues.pop(tenant)

    def _drop_empty(self, tenant: str) -> None:
        if not self._queues[tenant]:
            del self._queues[tenant]
