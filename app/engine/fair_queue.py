"""The jobs that wait for the engine, and which of them are next."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from itertools import zip_longest
from typing import Any, TypeAlias

from app.engine.jobs import Job
from app.errors import QueueFull
from app.settings import Settings

Bytes: TypeAlias = Callable[[str, int, int], int]
"""What so many tasks of so many images each take, with the checkpoint of this name."""


class Waiting:
    """Jobs by tenant, each tenant's in the order they came; tenants take turns. Not thread-safe."""

    def __init__(self, settings: Settings, bytes_needed: Bytes) -> None:
        self.settings = settings
        self._bytes_needed = bytes_needed
        self._queues: dict[str, deque[Job[Any]]] = {}  # the tenant whose turn it is first; none is empty

    def __len__(self) -> int:
        return sum(map(len, self._queues.values()))

    def add(self, job: Job[Any]) -> None:
        """Raises QueueFull."""
        if len(self) >= self.settings.max_queue:
            raise QueueFull(f"{len(self)} requests are waiting already. Try again in a second.")
        queue = self._queues.setdefault(job.tenant, deque())
        if job.tenant and len(queue) >= self.settings.max_queue_per_tenant:
            raise QueueFull(f"{len(queue)} requests of yours are waiting already. Try again in a second.")
        queue.append(job)

    def remove(self, job: Job[Any]) -> None:
        """Frees its place, if it still has one."""
        queue = self._queues.get(job.tenant, ())
        if job in queue:
            self._queues[job.tenant].remove(job)
            self._drop_empty(job.tenant)

    def take(self) -> list[Job[Any]]:
        """A batch: the job whose turn it is, and as many of its group, in turn, as fit; none if none waits."""
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
        """Whether a batch of so many tasks, each padded to so many images, is within the budget."""
        needed = self._bytes_needed(job.work.checkpoint, tasks, images)
        return tasks * images <= self.settings.batch_images and needed <= self.settings.batch_bytes

    def _in_turn(self) -> Iterator[Job[Any]]:
        """The first of each tenant, then the second of each, and so on."""
        rounds = zip_longest(*self._queues.values())
        return (job for each in rounds for job in each if job)

    def _end_turns(self, tenants: set[str]) -> None:
        """Puts them behind those who got nothing this time."""
        for tenant in [each for each in self._queues if each in tenants]:
            self._queues[tenant] = self._queues.pop(tenant)

    def _drop_empty(self, tenant: str) -> None:
        if not self._queues[tenant]:
            del self._queues[tenant]
