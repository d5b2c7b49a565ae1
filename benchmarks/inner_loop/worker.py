"""Processes that run contenders: one process of n threads, or n processes of one thread each at the same time."""

import time
import traceback
from collections.abc import Callable, Sequence
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

import torch

from benchmarks.inner_loop.contenders import CONTENDERS, Contender, Name
from benchmarks.inner_loop.peak import PEAK, SquareProduct
from benchmarks.inner_loop.problem import NETWORKS, Problem

PATIENCE = 300  # seconds to wait for a process's answer


class WorkerError(Exception):
    """A process failed, with this traceback."""


class Runner:
    """The contenders that a process keeps, by name, network and number of tasks."""

    def __init__(self) -> None:
        self.contenders: dict[tuple[Name, str, int], Contender | SquareProduct] = {}

    def turn(self, name: Name, network: str, parts: Sequence[int], steps: int, threads: int) -> tuple[float, float]:
        """Take steps of a contender for each of `parts`, numbers of tasks, and return when they began and ended."""
        torch.set_num_threads(threads)
        contenders = [self._contender(name, network, tasks) for tasks in parts]
        begin = time.perf_counter()  # all processes' clock
        for contender in contenders:
            contender.run(steps)
        return begin, time.perf_counter()

    def forget(self) -> None:
        """Free the contenders."""
        self.contenders.clear()

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call any function on one thread."""
        torch.set_num_threads(1)
        return function(*arguments)

    def _contender(self, name: Name, network: str, tasks: int) -> Contender | SquareProduct:
        key = name, network, tasks
        if key not in self.contenders:
            problem = Problem(NETWORKS[network], tasks)
            self.contenders[key] = SquareProduct() if name == PEAK else CONTENDERS[name](problem)
        return self.contenders[key]


def _serve(connection: Connection) -> None:
    runner = Runner()
    while True:
        method, arguments = connection.recv()
        try:
            connection.send((True, getattr(runner, method)(*arguments)))
        except Exception:
            connection.send((False, traceback.format_exc()))


class Workers:
    """Processes that live as long as the context, one for each thread measured."""

    def __init__(self, number: int) -> None:
        context = get_context("spawn")
        pairs = [context.Pipe() for _ in range(number)]
        self.connections = [ours for ours, _ in pairs]
        self.processes = [context.Process(target=_serve, args=(theirs,), daemon=True) for _, theirs in pairs]

    def __enter__(self) -> "Workers":
        for process in self.processes:
            process.start()
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.processes:
            process.terminate()
            process.join()

    def forget(self) -> None:
        """Free the contenders of all processes."""
        self.ask_each("forget", [()] * len(self.connections))

    def ask(self, method: str, *arguments: Any) -> Any:
        """Return what a method of `Runner` returns in the first process."""
        return self.ask_each(method, [arguments])[0]

    def ask_each(self, method: str, arguments: Sequence[Sequence[Any]]) -> list[Any]:
        """Return the same from as many processes as there are `arguments`, which work at the same time.

        Raises:
            WorkerError: a process failed, died, or did not answer.
        """
        connections = self.connections[: len(arguments)]
        for connection, own in zip(connections, arguments, strict=True):
            connection.send((method, own))
        return [_receive(connection) for connection in connections]


def _receive(connection: Connection) -> Any:
    if not connection.poll(PATIENCE):
        raise WorkerError(f"no answer in {PATIENCE} s")
    try:
        fine, answer = connection.recv()
    except (EOFError, ConnectionResetError) as error:
        raise WorkerError("the process died") from error
    if not fine:
        raise WorkerError(answer)
    return answer
