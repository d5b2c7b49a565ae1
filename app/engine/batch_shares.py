"""How the threads of a CPU divide a batch: each computes some of its tasks.

If all threads worked on each operation together, they would wait for one another some hundred times a step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TypeVar

import torch

T = TypeVar("T")


class BatchShares:
    """Divides a batch into as many shares as it has tasks, up to the number of threads; they have the threads in all.

    To be called from one thread, which computes the first share.
    """

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="share")

    def run(self, function: Callable[[Sequence[T]], None], tasks: Sequence[T], small: bool = False) -> None:
        """Call the function with each share of the tasks, in threads; `small` tasks are one share on one thread.

        When all shares have ended, raises what one of them raised.
        """
        if small:
            _with_threads(1, function, tasks)
            return
        shares = min(self.threads, len(tasks))
        bounds = [len(tasks) * share // shares for share in range(shares + 1)]
        first, *others = (tasks[begin:end] for begin, end in pairwise(bounds))
        each = self.threads // shares
        running = [self._pool.submit(_with_threads, each, function, share) for share in others]
        try:
            _with_threads(each, function, first)
        finally:
            failures = [share.exception() for share in running]
        for failure in filter(None, failures):
            raise failure

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown()


def _with_threads(threads: int, function: Callable[[Sequence[T]], None], share: Sequence[T]) -> None:
    torch.set_num_threads(threads)  # for this thread: OpenMP keeps the number of each
    function(share)
