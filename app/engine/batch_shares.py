"""Threads that share a batch on a CPU, each with tasks of its own.

Threads that share every operation instead wait for one another after each, some hundred times a step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

T = TypeVar("T")


class Lanes:
    """As many lanes as a batch has tasks, up to the number of threads; they have the threads between them.

    For one thread, which is the first lane.
    """

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="lane")

    def run(self, function: Callable[[Sequence[T]], None], tasks: Sequence[T], small: bool = False) -> None:
        """Calls the function with a share of the tasks in each lane, of `small` ones with all of them on one thread.

        Raises, when all have ended, what one raised.
        """
        if small:
            _with_threads(1, function, tasks)
            return
        lanes = min(self.threads, len(tasks))
        first, *others = (tasks[len(tasks) * lane // lanes : len(tasks) * (lane + 1) // lanes] for lane in range(lanes))
        each = self.threads // lanes
        running = [self._pool.submit(_with_threads, each, function, share) for share in others]
        try:
            _with_threads(each, function, first)
        finally:
            failures = [lane.exception() for lane in running]
        for failure in filter(None, failures):
            raise failure

    def close(self) -> None:
        """Ends the threads."""
        self._pool.shutdown()


def _with_threads(threads: int, function: Callable[[Sequence[T]], None], share: Sequence[T]) -> None:
    torch.set_num_threads(threads)  # in this thread, as OpenMP keeps the number for each by itself
    function(share)
