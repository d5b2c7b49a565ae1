"""How long POST /adapt and POST /predict take end to end, and where the time goes.

    python -m benchmarks.latency --data ~/omniglot            # 25 drawings, 5 classes, default steps
    python -m benchmarks.latency --requests 300 --ways 20

One client, one request after another, on the loopback, to `kshot serve` in a process of its own.
"""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from tqdm import tqdm

from benchmarks.drawings import Characters, draw, require, test_characters
from benchmarks.machine import describe_machine
from benchmarks.server import running_server
from kshot import Client

WARM_UP = 5
TOTAL = "end to end"
Timings = list[dict[str, float]]


def main(
    data: Annotated[Path, typer.Option(envvar="KSHOT_DATA", help="Folder of Omniglot's two zips.")],
    requests: Annotated[int, typer.Option(min=2, help="Requests of each kind.")] = 100,
    ways: Annotated[int, typer.Option(min=2, help="Classes.")] = 5,
    shots: Annotated[int, typer.Option(min=1, help="Drawings a class.")] = 5,
) -> None:
    """Time the running service."""
    characters = test_characters(data)
    require(characters, ways, shots)
    typer.echo(f"{describe_machine()}; {requests} requests of each kind\n")
    with running_server() as url, Client(url) as client:
        _measure(client, characters, ways, shots, WARM_UP)
        adapt, predict = _measure(client, characters, ways, shots, requests)
    _print(f"POST /adapt, {ways * shots} drawings, {ways} classes", adapt)
    _print("POST /predict, 1 drawing", predict)


def _measure(client: Client, characters: Characters, ways: int, shots: int, requests: int) -> tuple[Timings, Timings]:
    """Milliseconds by phase of each request."""
    adapt, predict = [], []
    for number in tqdm(range(requests), unit="request", leave=False):
        support, query = draw(np.random.default_rng((0, number)), characters, ways, shots, queries=1)
        start = time.perf_counter()
        model = client.adapt(support, checkpoint="omniglot")
        adapted = time.perf_counter()
        answer = client.predict(model.id, [query[0][1]])
        end = time.perf_counter()
        adapt.append({TOTAL: 1e3 * (adapted - start), **model.timings_ms.model_dump()})
        predict.append({TOTAL: 1e3 * (end - adapted), **answer.timings_ms.model_dump()})
    return adapt, predict


def _print(title: str, timings: Sequence[dict[str, float]]) -> None:
    typer.echo(f"{title}\n\n| ms | p5 | p50 | p95 |\n|---|---|---|---|")
    for phase in timings[0]:
        low, middle, high = np.percentile([timing[phase] for timing in timings], (5, 50, 95))
        typer.echo(f"| {phase} | {low:.1f} | {middle:.1f} | {high:.1f} |")
    typer.echo()


if __name__ == "__main__":
    typer.run(main)
