"""From a configuration and a data folder to a checkpoint: what `kshot train` does."""

import shlex
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import torch
import typer

from meta_training import sine
from meta_training.config import TrainConfig
from meta_training.reports import write_results
from meta_training.run_folder import RunFolder
from meta_training.splits import Split, read_split
from meta_training.training import Schedule, Training
from models.allocator import keep_freed_memory
from models.metadata import CheckpointMetadata

INTERRUPTED = 130  # exit status of a run that was asked to end early


def launch(
    config: TrainConfig, data: Path, out: Path, schedule: Schedule, *, device: torch.device, resume: bool
) -> None:
    """Runs, or goes on with, the run in folder `out`, and writes its results. Raises KshotError where it cannot."""
    folder = RunFolder(out)
    split = read_split(data, config.input, progress=True)
    config = config.fitted(split.training)
    training = Training(config, describe(config, split), split.training, split.validation, folder, device, schedule)
    if resume:
        training.resume()
    else:
        folder.start()
    keep_freed_memory()
    with _stops(training):
        training.run()
    if not training.done:
        typer.echo(f"Stopped after meta step {training.progress.step}, saved. Add --resume to the command to go on.")
        raise typer.Exit(INTERRUPTED)
    checkpoint = write_results(folder, config, training.metadata, training.theta, training.progress, split)
    typer.echo(f"{out / config.name}.safetensors ({checkpoint.digest}), its card, report.json and learning-curve.png")
    typer.echo(f"Score it once on the test classes: kshot evaluate {out / config.name}.safetensors --data {data}")


def launch_sine(out: Path, seed: int, meta_steps: int | None) -> None:
    """Runs the sine-wave regression and prints its errors."""
    for name, errors in sine.run(out, seed, meta_steps or sine.META_STEPS).items():
        after = ", ".join(f"{mean:.2f} ± {interval:.2f} after {steps}" for steps, (mean, interval) in errors.items())
        typer.echo(f"{name}: mean squared error {after} steps")
    typer.echo(f"{out / 'sine.png'} shows it.")


def describe(config: TrainConfig, split: Split) -> CheckpointMetadata:
    """What the checkpoint of this run says of itself."""
    return CheckpointMetadata(
        name=config.name,
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        command=shlex.join(["kshot", *sys.argv[1:]]),
        input=config.input,
        head=config.head,
        inner=config.inner,
        data={"source": split.source, "split_seed": split.seed, "training_classes": len(split.training)},
    )


@contextmanager
def _stops(training: Training) -> Iterator[None]:
    """SIGINT and SIGTERM end the run after its current meta step, saved."""
    previous = {number: signal.signal(number, lambda *_: training.stop()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
