"""Show what a GPU gives: its answers beside the CPU's, adaptations and predictions a second, inner steps, training.

    python -m benchmarks.gpu --json gpu.json    # all of it, some four minutes with an NVIDIA card
    python -m benchmarks.gpu --quick            # does it run? Seconds, without a card too

First the tests that compare the two. Then batches of T tasks, as the service makes them of so many tenants' requests,
on the CPU and on the card; the inner step of the paper's two networks, ours against torch modules with Adam one task
after another and against torch.func, on the same card, with its share of the card's largest product; and meta steps.
Without a card the CPU's figures stand alone and the others are "not run".
"""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from tqdm import tqdm

from app.server.process import restart_with_environment
from benchmarks.gpu import batches, inner_steps, training
from benchmarks.gpu.report import Row, best, report
from benchmarks.gpu.scope import QUICK, WHOLE, Scope
from benchmarks.gpu.stopwatch import GPU, devices
from benchmarks.journal import Journal
from benchmarks.machine import describe_machine

ROOT = Path(__file__).parents[2]
TESTS = ("tests/models/test_cuda.py", "tests/models/test_host_reads.py")
PARTS: dict[str, Callable[[Scope], Iterator[Row]]] = {
    "batches": batches.rows,
    "inner steps": inner_steps.rows,
    "training": training.rows,
}


def main(
    quick: Annotated[bool, typer.Option("--quick", help="Two turns each, two tasks, drawings alone.")] = False,
    tests: Annotated[bool, typer.Option(help="Run the tests that compare GPU and CPU first.")] = True,
    threads: Annotated[int, typer.Option(help="Of the CPU.")] = 2,
    out: Annotated[Path | None, typer.Option("--json", help="File for each part as it ends.")] = None,
) -> None:
    """Measure. A run that was stopped goes on after the parts in its --json file."""
    begin = time.perf_counter()
    torch.set_num_threads(threads)
    where = f"{describe_machine()}, {threads} threads, {describe_gpu()}"
    typer.echo(where)
    if tests:
        typer.echo(f"\n{' '.join(TESTS)}: {_tested()}")
    scope = QUICK if quick else WHOLE
    journal = Journal.open(out, {"machine": where, "tasks": list(scope.tasks)})
    for name, part in PARTS.items():
        rows = _rows(journal, name, part, scope)
        typer.echo(f"\n{report(name, rows)}\n\n{best(rows)}")
    typer.echo(f"\n{time.perf_counter() - begin:.0f} s in all")


def _rows(journal: Journal, name: str, part: Callable[[Scope], Iterator[Row]], scope: Scope) -> list[Row]:
    done = journal.find({"part": name})
    found: list[dict[str, Any]] = done["rows"] if done else []
    if done is None:
        found = [row.document() for row in tqdm(part(scope), desc=name, unit="row", leave=False)]
        journal.write({"part": name}, {"rows": found})
    return [Row(**each) for each in found]


def describe_gpu() -> str:
    """Name the card, or say that there is none."""
    if GPU not in devices():
        return "no CUDA device: what needs one is not run"
    return f"{torch.cuda.get_device_name()}, CUDA {torch.version.cuda}"


def _tested() -> str:
    """Return pytest's last line; its whole report goes to standard error if a test failed."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *TESTS]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        typer.echo(done.stdout, err=True)
    return done.stdout.strip().rpartition("\n")[2]


if __name__ == "__main__":
    restart_with_environment()  # the malloc that the server has
    typer.run(main)
