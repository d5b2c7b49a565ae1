"""What one machine serves to 32 tenants at once, against the same without batches and against services as usual.

    pip install -e '.[load]' -c constraints.txt
    python -m benchmarks.load                                 # 1.5 hours; photos take 25 GB of memory
    python -m benchmarks.load --checkpoints omniglot --rounds 2 --seconds 5 --models 100
    python -m benchmarks.load --checkpoints omniglot --models 100 --services "kshot, 2 processes" \
        --services "Ray Serve" --services "Ray Serve, HAProxy"    # these need pip install 'kshot[ray]'

In each round the services take turns (A B A B), each in a process of its own on the loopback, with clients that ask
again as soon as they are answered: `kshot serve` with an API key for each tenant, as one process and as two; the same
with batching off; a plain FastAPI service and a LitServe service that copy a module, use torch.optim and keep a
state_dict a model, in memory.
An adaptation is of 25 pictures of 5 classes, 10 full-batch steps for drawings and the default steps for photos.
"""

import json
from pathlib import Path
from typing import Annotated

import typer
from tqdm import tqdm

from benchmarks.load.report import report
from benchmarks.load.rounds import Measured, Phase, Tenants, prepare
from benchmarks.load.services import BY_RAY, SERVICES, running
from benchmarks.machine import describe_machine

TENANTS = 32


def main(
    checkpoints: Annotated[list[str] | None, typer.Option(help="omniglot or photo; both when not given.")] = None,
    services: Annotated[
        list[str] | None,
        typer.Option(help=f"Of {', '.join(SERVICES)}, which are taken when not given, {', '.join(BY_RAY)}."),
    ] = None,
    rounds: Annotated[int, typer.Option(min=2, help="Turns of each service.")] = 5,
    seconds: Annotated[float, typer.Option(min=1, help="Of load in a turn.")] = 10,
    models: Annotated[int, typer.Option(min=TENANTS, help="Adapted models to predict with.")] = 1000,
    out: Annotated[Path | None, typer.Option("--json", help="Write what was measured to this file.")] = None,
) -> None:
    """Measure throughput and latency."""
    typer.echo(f"{describe_machine()}; {TENANTS} tenants, {rounds} rounds of {seconds:g} s, {models} models\n")
    kept = {}
    for checkpoint in checkpoints or ["omniglot", "photo"]:
        with running(services or SERVICES, checkpoint, TENANTS) as up:
            tenants = [prepare(service, checkpoint, models) for service in tqdm(up, desc="models", leave=False)]
            measured = _measure(tenants, rounds, seconds)
        typer.echo(report(checkpoint, measured))
        kept[checkpoint] = measured
    if out:
        out.write_text(json.dumps({name: measured.as_json() for name, measured in kept.items()}, indent=1))


def _measure(tenants: list[Tenants], rounds: int, seconds: float) -> Measured:
    measured = Measured()
    for phase in Phase:
        for number in tqdm(range(rounds), desc=phase, unit="round", leave=False):
            for each in tenants if number % 2 == 0 else reversed(tenants):
                measured.add(phase, each.name, each.load(phase, seconds))
            measured.measure_peak()
    return measured


if __name__ == "__main__":
    typer.run(main)
