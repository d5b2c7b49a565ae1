"""From a configuration and a data folder to a checkpoint: what `kshot train` does."""

import os
import shlex
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import torch
import typer

from meta_training.config import TrainConfig
from meta_training.data.encoding import encoded
from meta_training.data.image_classes import ImageClasses
from meta_training.data.splits import Split, read_split
from meta_training.ranks import ALONE, Ranks, joined
from meta_training.reports.results import write_results
from meta_training.run_folder import RunFolder
from meta_training.tasks import sine
from meta_training.training import Schedule, Training
from models.metadata import CheckpointMetadata

INTERRUPTED = 130  # exit status of a run that was asked to end early
NOTICE = b"\nSaving after this meta step and its validation. Again to end at once.\n"


def launch(
    config: TrainConfig, data: Path, out: Path, schedule: Schedule, *, device: torch.device, resume: bool
) -> None:
    """Start the run in folder `out`, or go on with it, and write its results. Raises KshotError where it cannot.

    Under torchrun each process calls this. One that torchrun started anew goes on with the run by itself.
    """
    with joined(device) as ranks:
        _launch(config, data, RunFolder(out), schedule, ranks.device(device), ranks, resume=resume)


def _launch(
    config: TrainConfig,
    data: Path,
    folder: RunFolder,
    schedule: Schedule,
    device: torch.device,
    ranks: Ranks,
    *,
    resume: bool,
) -> None:
    say = typer.echo if ranks.first else _keep_quiet
    resume = resume or (ranks.restarts > 0 and folder.state.exists())
    if resume:
        folder.require()
    elif ranks.first:
        folder.start()
    split = read_split(data, config.input, validation=config.validation, progress=ranks.first)
    say(str(split))
    asked, config = config, config.fitted(split.training)
    for line in shrinkage(asked, config, split.training):
        say(line)
    split = encoded(split, config, device, progress=ranks.first)
    training = Training(config, describe(config, split, ranks), split, folder, device, schedule, ranks)
    if resume:
        training.resume()
    if training.done and _has_results(folder, config):
        say(f"The run in {folder.path} is finished: nothing to do. Start another by --out.")
        return
    with stops(training):
        training.run()
    if not training.done:
        say(f"Stopped after meta step {training.progress.step}, saved. Add --resume to the command to go on.")
        raise typer.Exit(INTERRUPTED)
    if ranks.first:
        _conclude(training, config, data, split)


def _conclude(training: Training, config: TrainConfig, data: Path, split: Split) -> None:
    folder = training.folder
    checkpoint = write_results(folder, config, training.checkpoint(), training.progress, split)
    path = folder.path / f"{config.name}.safetensors"
    typer.echo(f"{path} ({checkpoint.digest}), its card, report.json and learning-curve.png")
    typer.echo(f"Score it once on the test classes: kshot evaluate {path} --data {data}")


def _keep_quiet(_: str) -> None:
    """Say nothing: the first of several processes speaks for all."""


def launch_sine(out: Path, seed: int, meta_steps: int | None) -> None:
    """Run the sine-wave regression and print its errors. Raises RunError where it cannot."""
    for name, errors in sine.run(out, seed, meta_steps or sine.META_STEPS).items():
        after = ", ".join(f"{mean:.2f} ± {interval:.2f} after {steps}" for steps, (mean, interval) in errors.items())
        typer.echo(f"{name}: mean squared error {after} steps")
    typer.echo(f"{out / 'sine.png'} shows it.")


def shrinkage(asked: TrainConfig, fitted: TrainConfig, classes: ImageClasses) -> Iterator[str]:
    """Yield a line for each value of the configuration that the training classes are too few for."""
    if fitted.ways != asked.ways:
        low, high = fitted.ways
        yield f"{asked.ways[0]}-{asked.ways[1]} → {low}-{high} ways: there are {len(classes)} training classes."
    if fitted.shots != asked.shots:
        smallest = min(range(len(classes)), key=lambda index: len(classes.images[index]))
        images = "1 image" if fitted.shots == 1 else f"{fitted.shots} images"
        yield f"{asked.shots} → {fitted.shots} shots: {classes.names[smallest]!r} has {images}."


def describe(config: TrainConfig, split: Split, ranks: Ranks = ALONE) -> CheckpointMetadata:
    """Return the metadata of the checkpoint that this run makes."""
    return CheckpointMetadata(
        name=config.name,
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        command=shlex.join([*ranks.launcher, "kshot", *sys.argv[1:]]),
        input=config.input,
        encoder=config.encoder,
        network=config.network,
        head=config.head,
        inner=config.inner,
        calibration=config.calibration,
        data={
            "source": split.source,
            "split_seed": split.seed,
            "training_classes": len(split.training) if config.meta_steps else 0,
        },
    )


def _has_results(folder: RunFolder, config: TrainConfig) -> bool:
    """Say whether results were written: the run may have been killed between its last meta step and them."""
    return all((folder.path / name).exists() for name in (f"{config.name}.safetensors", "learning-curve.png"))


@contextmanager
def stops(training: Training) -> Iterator[None]:
    """Let SIGINT and SIGTERM end the run after its current meta step, saved, and a second one end it at once.

    Not under torchrun, which sends one of its own after that of the terminal.
    """
    previous = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def restore() -> None:
        for number, handler in previous.items():
            signal.signal(number, handler)

    def stop(*_: object) -> None:
        if training.ranks.world == 1:
            restore()
        training.stop()
        if training.ranks.first:
            os.write(2, NOTICE)  # not by a stream, in whose write the signal may have come

    for number in previous:
        signal.signal(number, stop)
    try:
        yield
    finally:
        restore()
