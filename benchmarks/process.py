"""What the switches are good for that `kshot serve` sets for its whole process (app/server/process.py), one by one.

    python -m benchmarks.process                              # two minutes

Two show only in a service under load, in benchmarks of their own: malloc_trim in benchmarks.soak, the interval of
Python's lock in benchmarks.flood.
"""

import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Annotated

import numpy as np
import typer

from app.server.process import ENVIRONMENT
from benchmarks.machine import describe_machine

ADAPTATIONS = """
import resource, time, torch
from models.checkpoint import SHIPPED, load_checkpoint
from models.learner import Learner
from models.tasks import Support

torch.set_num_threads(1)
learner = Learner(load_checkpoint(SHIPPED / "omniglot.safetensors"), torch.device("cpu"))
features = learner.encode(torch.randint(0, 256, (25, 1, 28, 28), dtype=torch.uint8))
support = Support(features, torch.arange(25) % 5, ways=5, steps=10, learning_rate=1e-3)

def adapt():
    start = time.perf_counter()
    learner.adapt([support])
    return 1e3 * (time.perf_counter() - start)

for _ in range(3):
    adapt()
faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
milliseconds = sorted(adapt() for _ in range(10))
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - faults, milliseconds[5])
"""
PAUSES = """
import time, torch

torch.set_num_threads(2)
matrix = torch.rand(700, 700)
for _ in range(5):
    matrix @ matrix
start = time.process_time()
for _ in range(200):
    matrix @ matrix
    time.sleep(0.005)
print(1e3 * (time.process_time() - start))
"""
METRICS = """
from app.observability.metrics import Metrics

print(len(Metrics().text().splitlines()))
"""
GARBAGE = """
import gc, time
from app.engine.checkpoint_registry import CheckpointRegistry
from app.main import create_app
from app.settings import Settings

create_app()
CheckpointRegistry.of(Settings()).load()
{freeze}
start = time.perf_counter()
gc.collect()
print(1e3 * (time.perf_counter() - start))
"""
MALLOC = {name: value for name, value in ENVIRONMENT.items() if name.startswith("MALLOC_")}
CASES: dict[str, tuple[str, str, Mapping[str, str]]] = {
    "MALLOC_…: page faults, and ms, of 10 adaptations": (ADAPTATIONS, ADAPTATIONS, MALLOC),
    "OMP_WAIT_POLICY: CPU ms of 200 matrix products with pauses of 5 ms": (
        PAUSES,
        PAUSES,
        {"OMP_WAIT_POLICY": ENVIRONMENT["OMP_WAIT_POLICY"]},
    ),
    "PROMETHEUS_DISABLE_CREATED_SERIES: lines at /metrics before the first request": (
        METRICS,
        METRICS,
        {"PROMETHEUS_DISABLE_CREATED_SERIES": ENVIRONMENT["PROMETHEUS_DISABLE_CREATED_SERIES"]},
    ),
    "gc.freeze: ms of a full collection": (
        GARBAGE.format(freeze="gc.collect()"),
        GARBAGE.format(freeze="gc.collect(); gc.freeze()"),
        {},
    ),
}


def main(rounds: Annotated[int, typer.Option(min=1, help="Turns of each; the table has medians.")] = 5) -> None:
    """Run each case without and with its switch, in turns, in processes of their own."""
    typer.echo(f"{describe_machine()}; {rounds} rounds\n")
    typer.echo("| | without | with |\n|---|---|---|")
    for name, (without, with_it, environment) in CASES.items():
        turns = [(_run(without, {}), _run(with_it, environment)) for _ in range(rounds)]
        told = (", ".join(f"{value:.0f}" for value in side) for side in np.median(np.array(turns), axis=0))
        typer.echo(f"| {name} | {' | '.join(told)} |")


def _run(code: str, environment: Mapping[str, str]) -> list[float]:
    """Return the numbers that the code prints at its end."""
    others = {name: value for name, value in os.environ.items() if name not in ENVIRONMENT}
    done = subprocess.run(
        [sys.executable, "-c", code], env={**others, **environment}, stdout=subprocess.PIPE, text=True, check=True
    )
    return [float(number) for number in done.stdout.split()]


if __name__ == "__main__":
    typer.run(main)
