"""Rounds of turns: in each round every contender runs in every arrangement, so that a slow minute slows all alike."""

import time
from dataclasses import dataclass
from statistics import median

from benchmarks.inner_loop.contenders import CONTENDERS, OURS, Name
from benchmarks.inner_loop.peak import PEAK, SquareProduct
from benchmarks.inner_loop.problem import NETWORKS, flops
from benchmarks.inner_loop.worker import Workers

MOST_STEPS, MOST_ROUNDS = 100, 25


@dataclass(frozen=True)
class Effort:
    """How long to measure: seconds of a turn, of a row, and its least number of rounds."""

    turn: float = 0.25
    row: float = 20.0
    rounds: int = 3


@dataclass(frozen=True)
class Row:
    """What is measured together: a network, the number of tasks T and the number of threads."""

    network: str
    tasks: int
    threads: int


@dataclass(frozen=True)
class Candidate:
    """A contender in an arrangement: one process of n threads, or n processes of one thread."""

    name: Name
    processes: int
    threads: int

    @property
    def arrangement(self) -> str:
        """Return it as text."""
        if self.processes > 1:
            return f"{self.processes} processes"
        return "1 thread" if self.threads == 1 else f"{self.threads} threads"


@dataclass(frozen=True)
class Measured:
    """A row's milliseconds a task-step, one for each round."""

    row: Row
    rounds: dict[Candidate, list[float]]

    def best(self, method: str) -> Candidate:
        """Return the fastest of a method's memory formats and arrangements, by the median."""
        candidates = [candidate for candidate in self.rounds if candidate.name.method == method]
        return min(candidates, key=lambda candidate: median(self.rounds[candidate]))

    @property
    def methods(self) -> list[str]:
        """Return the methods, ours first."""
        methods = dict.fromkeys(candidate.name.method for candidate in self.rounds)
        return [method for method in methods if method != PEAK.method]

    @property
    def peak(self) -> float:
        """Return the most operations per second of any turn of matrix products."""
        products = [times for candidate, times in self.rounds.items() if candidate.name == PEAK]
        return 1e3 * SquareProduct.flops / min(min(times) for times in products)

    def rate(self, candidate: Candidate) -> float:
        """Return the operations per second."""
        return 1e3 * flops(NETWORKS[self.row.network]) / median(self.rounds[candidate])

    def ratios(self, method: str) -> list[float]:
        """Return each round's time of a method divided by ours, both in their best arrangements."""
        ours = self.rounds[self.best(OURS.method)]
        return [time / our for time, our in zip(self.rounds[self.best(method)], ours, strict=True)]


def measure(workers: Workers, row: Row, effort: Effort) -> Measured:
    """Measure as many rounds as fit the effort."""
    workers.forget()
    steps = {candidate: _steps(workers, row, candidate, effort.turn) for candidate in _candidates(row.threads)}
    rounds: dict[Candidate, list[float]] = {candidate: [] for candidate in steps}
    begin, done = time.perf_counter(), 0
    while done < effort.rounds or (done < MOST_ROUNDS and time.perf_counter() - begin < effort.row):
        for candidate, times in rounds.items():
            times.append(_turn(workers, row, candidate, steps[candidate]))
        done += 1
    return Measured(row, rounds)


def parts(tasks: int, processes: int) -> list[list[int]]:
    """Return the numbers of tasks for each process, which split `processes` batches of T evenly.

    Where T does not divide, the processes take turns with the larger share: 5 tasks by 2 are 3 then 2, and 2 then 3.
    """
    shares = [tasks // processes + (index < tasks % processes) for index in range(processes)]
    return [[share for share in shares[index:] + shares[:index] if share] for index in range(processes)]


def _candidates(threads: int) -> list[Candidate]:
    arrangements = [(1, 1)] if threads == 1 else [(1, threads), (threads, 1)]
    return [Candidate(name, *arrangement) for name in (*CONTENDERS, PEAK) for arrangement in arrangements]


def _steps(workers: Workers, row: Row, candidate: Candidate, seconds: float) -> int:
    """Return how many steps a turn has. The first turn warms up; its time counts only if it is long."""
    batches = candidate.processes * (1 if candidate.name == PEAK else row.tasks)
    elapsed = _turn(workers, row, candidate, steps=1) * batches / 1e3
    if elapsed < 4 * seconds:
        elapsed = _turn(workers, row, candidate, steps=1) * batches / 1e3
    return max(1, min(MOST_STEPS, round(seconds / elapsed)))


def _turn(workers: Workers, row: Row, candidate: Candidate, steps: int) -> float:
    """Return the milliseconds of a task-step, from the start of the first process to the end of the last."""
    tasks = 1 if candidate.name == PEAK else row.tasks
    split = parts(tasks, candidate.processes)
    arguments = [(candidate.name, row.network, part, steps, candidate.threads) for part in split]
    times = workers.ask_each("turn", arguments)
    elapsed: float = max(end for _, end in times) - min(begin for begin, _ in times)
    return 1e3 * elapsed / (steps * tasks * candidate.processes)
