"""Adapt the shipped `sine` to waves over HTTP, as the paper's figure does: 10 points of each, 32 steps of SGD.

    python -m benchmarks.sine                      # waves, and their points, are those that training is scored on

Prints the mean squared error over the whole wave, with its 95 % interval over waves, beside what the checkpoint's card
says, which `kshot train --preset sine` wrote.
"""

import json
import math
import statistics

import torch
import typer

from benchmarks.machine import describe_machine
from benchmarks.server import running_server
from kshot import Client
from meta_training.tasks.sine import TEST_TASKS, TRAINED, test_tasks
from models.checkpoint import SHIPPED

SEED = 0


def main() -> None:
    waves, support = test_tasks(SEED, TEST_TASKS)
    errors, spent = [], []
    with running_server() as url, Client(url) as client:
        for x, y, own_x, own_y in zip(waves.x, waves.y, support.x, support.y, strict=True):
            points = {"inputs": own_x[:, None].tolist(), "targets": own_y[:, None].tolist()}
            model = client.adapt(checkpoint="sine", keep_images=False, **points)
            told = client.predict(model.id, inputs=x[:, None].tolist())
            found = torch.tensor([each.values[0] for each in told.estimates])
            errors.append(float((found - y).square().mean()))
            spent.append(model.timings_ms.adapt)
    reach = 1.96 * statistics.stdev(errors) / math.sqrt(len(errors))
    card = json.loads((SHIPPED / "sine.json").read_text())["errors"][TRAINED]
    mean, interval = card["32"]
    typer.echo(describe_machine())
    typer.echo(f"over HTTP: {statistics.mean(errors):.4f} ± {reach:.4f} over {len(errors)} waves")
    typer.echo(f"its card:  {mean:.4f} ± {interval:.4f}; adapting takes {statistics.median(spent):.1f} ms (p50)")


if __name__ == "__main__":
    main()
