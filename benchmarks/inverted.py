"""What inner steps are worth on drawings unlike the training data: white on black, which training never saw.

    python -m benchmarks.inverted --data ~/omniglot           # validation characters, 5-way 5-shot

In process, through the learner that the service calls; the episodes are the same for every number of steps.
"""

from pathlib import Path
from typing import Annotated

import torch
import typer

from benchmarks.machine import describe_machine
from meta_training.data.image_classes import ImageClasses
from meta_training.data.splits import read_split
from meta_training.evaluation.accuracy import evaluate
from meta_training.evaluation.score import Setting
from models.checkpoint import SHIPPED, load_checkpoint
from models.learner import Learner

STEPS = (0, 5, 10, 20)
QUERIES = 3  # a class


def main(
    data: Annotated[Path, typer.Option(envvar="KSHOT_DATA", help="Folder of Omniglot's two zips.")],
    episodes: Annotated[int, typer.Option(min=2, help="Episodes of each figure.")] = 60,
) -> None:
    """Score plain and inverted validation characters by number of inner steps."""
    checkpoint = load_checkpoint(SHIPPED / "omniglot.safetensors")
    learner = Learner(checkpoint, torch.device("cpu"))
    plain = read_split(data, checkpoint.metadata.input).validation
    inverted = ImageClasses(plain.names, tuple(255 - pictures for pictures in plain.images))
    typer.echo(f"{describe_machine()}; {episodes} episodes each\n")
    typer.echo("| accuracy | " + " | ".join(f"k = {steps}" for steps in STEPS) + " |")
    typer.echo("|---" * (1 + len(STEPS)) + "|")
    for name, classes in (("black on white", plain), ("white on black", inverted)):
        scores = (
            evaluate(
                learner, classes, _setting(steps, checkpoint.metadata.inner.learning_rate), episodes, progress=True
            )
            for steps in STEPS
        )
        typer.echo(f"| {name} | " + " | ".join(map(str, scores)) + " |")


def _setting(steps: int, learning_rate: float) -> Setting:
    return Setting(ways=5, shots=5, queries=QUERIES, steps=steps, learning_rate=learning_rate)


if __name__ == "__main__":
    typer.run(main)
