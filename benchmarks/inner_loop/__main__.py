"""Measure an inner step: ours, the same step by other libraries, and the fastest that the machine could do it.

    python -m benchmarks.inner_loop                                       # all of it: minutes, on idle cores
    python -m benchmarks.inner_loop --networks 28 --tasks 5 --threads 1   # one row; each option can be repeated
    python -m benchmarks.inner_loop --quick                               # does it run?

A task-step is forward, backward and Adam with β₁ = 0 and v carried, for one task's batch of 10 images of 5 classes.
First, all contenders must reach the same weights. Then they take turns, round after round. With n threads, a contender
runs as one process of n threads and as n processes of one thread each, which share n batches of T tasks evenly, and in
every memory format that it has; its fastest time counts. The GEMM peak is the best turn of a large matrix product in
the same rounds. Ours uses numba where it is installed.
"""

import json
import time
from collections.abc import Sequence
from dataclasses import asdict
from itertools import product
from pathlib import Path
from typing import Annotated

import typer

from app.server.process import restart_with_environment
from benchmarks.inner_loop.agreement import STEPS, check
from benchmarks.inner_loop.breakdown import breakdown
from benchmarks.inner_loop.contenders import CONTENDERS
from benchmarks.inner_loop.problem import NETWORKS, describe
from benchmarks.inner_loop.report import as_json, breakdown_line, table
from benchmarks.inner_loop.rounds import Effort, Measured, Row, measure
from benchmarks.inner_loop.worker import Workers
from benchmarks.machine import describe_machine

TASKS, THREADS = (1, 5, 32), (1, 2)
QUICK_TASKS, QUICK = (2,), Effort(turn=0.01, row=0.0, rounds=2)
PROFILED_TASKS, PROFILED_STEPS = 5, 10


def main(
    networks: Annotated[list[str] | None, typer.Option(help="28 or 84, pixels; both when not given.")] = None,
    tasks: Annotated[list[int] | None, typer.Option(min=1, help="T; 1, 5 and 32 when not given.")] = None,
    threads: Annotated[list[int] | None, typer.Option(min=1, help="1 and 2 when not given.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Two short rounds, of T = 2 unless given.")] = False,
    out: Annotated[Path | None, typer.Option("--json", help="Write the times of every round to this file.")] = None,
) -> None:
    """Time a task-step."""
    networks = networks or list(NETWORKS)
    if unknown := set(networks) - set(NETWORKS):
        raise typer.BadParameter(f"{min(unknown)!r} is none of {', '.join(NETWORKS)}.", param_hint="--networks")
    rows = list(product(networks, tasks or (QUICK_TASKS if quick else TASKS), threads or THREADS))
    begin = time.perf_counter()
    with Workers(max(row[2] for row in rows)) as workers:
        differences = {describe(NETWORKS[name]): _check(workers, name) for name in networks}
        measured = [_measure(workers, Row(*row), QUICK if quick else Effort()) for row in rows]
        where = {name: workers.ask("call", breakdown, name, PROFILED_TASKS, PROFILED_STEPS) for name in networks}
    typer.echo(f"\n{describe_machine()}; {time.perf_counter() - begin:.0f} s in all\n")
    if not any(name.method == "learn2learn" for name in CONTENDERS):
        typer.echo("learn2learn is not installed, and not measured.\n")
    for network in networks:
        own = [one for one in measured if one.row.network == network]
        typer.echo(table(network, own))
        typer.echo(breakdown_line(network, PROFILED_TASKS, where[network], _peak_of_a_thread(own)) + "\n")
    if out:
        document = {
            "machine": describe_machine(),
            "largest_difference_of_weights": differences,
            "rows": [as_json(one) for one in measured],
            "where_time_goes": {describe(NETWORKS[name]): asdict(found) for name, found in where.items()},
        }
        out.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")


def _check(workers: Workers, network: str) -> float:
    difference: float = workers.ask("call", check, NETWORKS[network])
    agree = f"all agree after {STEPS} steps, to {difference:.0e} in double precision"
    typer.echo(f"{describe(NETWORKS[network])}: {agree}", err=True)
    return difference


def _measure(workers: Workers, row: Row, effort: Effort) -> Measured:
    measured = measure(workers, row, effort)
    rounds = len(next(iter(measured.rounds.values())))
    ours = min(measured.rounds[measured.best(measured.methods[0])])
    threads = "1 thread" if row.threads == 1 else f"{row.threads} threads"
    typer.echo(
        f"{describe(NETWORKS[row.network])}, T = {row.tasks}, {threads}: {rounds} rounds, ours at best {ours:.2f} ms",
        err=True,
    )
    return measured


def _peak_of_a_thread(measured: Sequence[Measured]) -> float | None:
    """Return the GEMM peak of one thread, or None if it was not measured."""
    return max((one.peak for one in measured if one.row.threads == 1), default=None)


if __name__ == "__main__":
    restart_with_environment()  # the malloc that the server has
    typer.run(main)
