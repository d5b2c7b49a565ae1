"""From a configuration and a data folder to a checkpoint: what `kshot train` does."""

import os
import shlex
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import torch
import typer

from meta_training.config import TrainConfig
from meta_training.data.encoding import encoded
from meta_training.data.image_classes import ImageClasses
from meta_training.data.splits import Split, read_data, read_split
from meta_training.errors import DataError
from meta_training.mixtures import add_initialization, require_theta
from meta_training.ranks import ALONE, Ranks, joined
from meta_training.reports.results import write_mixture, write_results
from meta_training.run_folder import Progress, RunFolder
from meta_training.training import Schedule, Training
from models.checkpoint import SHIPPED, Checkpoint, load_checkpoint
from models.metadata import CheckpointMetadata

INTERRUPTED = 130  # exit status of a run that was asked to end early
NOTICE = b"\nSaving after this meta step and its validation. Again to end at once.\n"


def launch(
    config: TrainConfig, data: Path, out: Path, schedule: Schedule, *, device: torch.device, resume: bool
) -> None:
    """Run, or go on with, the run in folder `out`, and write its results. Raises KshotError where that fails.

    Under torchrun each process calls this; after a restart by torchrun the run goes on by itself.
    """
    with joined(device) as ranks:
        folder = RunFolder(out)
        resume = _resumes(folder, ranks, asked=resume)
        split = read_split(data, config.input, validation=config.validation, progress=ranks.first)
        _say(ranks, str(split))
        if config.loss_shots:
            split.training.require(ways=2, shots=2)
        fitted = config.fitted(split.training)
        for line in shrinkage(config, fitted, split.training):
            _say(ranks, line)
        split = encoded(split, fitted, ranks.device(device), progress=ranks.first)
        training = _prepare(fitted, split, folder, schedule, ranks, device)
        base = _base(training) if config.initialization else None
        if _train(training, resume=resume) and ranks.first:
            made = add_initialization(base, training.checkpoint(), fitted, split.training) if base else None
            _conclude(training, made or training.result(), data, split)


def launch_domains(
    configs: Sequence[TrainConfig], data: Path, out: Path, schedule: Schedule, *, device: torch.device, resume: bool
) -> None:
    """Run each configuration on its domains of a folder of domains, and write one checkpoint with what they make.

    Each run has a folder of its own in `out`. Raises KshotError, and runs under torchrun, as `launch`.
    """
    with joined(device) as ranks:
        folders = [RunFolder(out / config.initialization) for config in configs]
        begun = [(resume or ranks.restarts > 0) and folder.state.exists() for folder in folders]
        if resume and not any(begun):
            folders[0].require()
        for folder, goes_on in zip(folders, begun, strict=True):
            _resumes(folder, ranks, asked=goes_on)
        nothing = ImageClasses((), ())
        everything = _read_domains(data, configs, ranks)
        configs = [_fitted(config, everything, ranks) for config in configs]
        split = Split(data.resolve().name, configs[0].seed, everything, nothing, nothing)
        del everything  # as pictures they take eight times as much memory
        split = encoded(split, configs[0], ranks.device(device), progress=ranks.first)
        base, seconds = None, 0.0
        for config, folder, goes_on in zip(configs, folders, begun, strict=True):
            own = replace(split, training=split.training.of_domains(config.domains))
            count = len(own.training.by_domain())
            _say(ranks, f"{config.initialization}: {count} domains, {len(own.training)} classes")
            training = _prepare(config, own, folder, schedule, ranks, device)
            base = base or _base(training)
            _train(training, resume=goes_on)
            base = add_initialization(base, training.checkpoint(), config, own.training)
            seconds += training.progress.seconds
        if ranks.first and base:
            about = base.metadata.model_copy(update={"data": describe(configs[-1], split).data})
            checkpoint = write_mixture(out, replace(base, metadata=about), configs, Progress(seconds=seconds), split)
            typer.echo(f"{out / checkpoint.metadata.name}.safetensors ({checkpoint.digest}) and its card")


def _read_domains(data: Path, configs: Sequence[TrainConfig], ranks: Ranks) -> ImageClasses:
    """Read the classes of the domains that the runs name, or of all. Raises DataError for a folder of one domain."""
    everything = read_data(data, configs[0].input, progress=ranks.first)
    if all(len(domain) == 1 for domain in everything.by_domain().values()):
        raise DataError(f"{data} holds class folders of one domain: name it by --data, or the folder it lies in.")
    named = dict.fromkeys(name for config in configs for name in config.domains)
    return everything.of_domains(list(named) if all(config.domains for config in configs) else [])


def _fitted(config: TrainConfig, everything: ImageClasses, ranks: Ranks) -> TrainConfig:
    """Return the run with no more ways and shots than its domains have. Raises DataError where they are too few."""
    own = everything.of_domains(config.domains)
    for domain in own.by_domain().values():
        domain.require(ways=2, shots=2)
    fitted = config.fitted(own)
    for line in shrinkage(config, fitted, own):
        _say(ranks, f"{config.initialization}: {line}")
    return fitted


def _resumes(folder: RunFolder, ranks: Ranks, *, asked: bool) -> bool:
    """Return whether the run goes on from its last save, or make the folder of a new one."""
    if asked or (ranks.restarts > 0 and folder.state.exists()):
        folder.require()
        return True
    if ranks.first:
        folder.start()
    return False


def _prepare(
    config: TrainConfig, split: Split, folder: RunFolder, schedule: Schedule, ranks: Ranks, device: torch.device
) -> Training:
    return Training(config, describe(config, split, ranks), split, folder, ranks.device(device), schedule, ranks)


def _base(training: Training) -> Checkpoint:
    """Return the shipped checkpoint that a run adds an initialization to. Raises RunError where theirs differ."""
    base = load_checkpoint(SHIPPED / "photo.safetensors")
    require_theta(base, training.checkpoint())
    return base


def _train(training: Training, *, resume: bool) -> bool:
    """Run to the end; return False where it had come there with its results before. Raises typer.Exit if stopped."""
    ranks, folder = training.ranks, training.folder
    if resume:
        training.resume()
    if training.done and _has_results(folder, training.config):
        _say(ranks, f"The run in {folder.path} is finished: nothing to do. Start another by --out.")
        return False
    with stops(training):
        training.run()
    if not training.done:
        _say(ranks, f"Stopped after meta step {training.progress.step}, saved. Add --resume to the command to go on.")
        raise typer.Exit(INTERRUPTED)
    return True


def _conclude(training: Training, made: Checkpoint, data: Path, split: Split) -> None:
    folder, config = training.folder, training.config
    checkpoint = write_results(folder, config, made, training.progress, split)
    path = folder.path / f"{config.name}.safetensors"
    typer.echo(f"{path} ({checkpoint.digest}), its card, report.json and learning-curve.png")
    typer.echo(f"Score it once on the test classes: kshot evaluate {path} --data {data}")


def _say(ranks: Ranks, line: str) -> None:
    """Print a line once, by the first of the processes."""
    if ranks.first:
        typer.echo(line)


def shrinkage(asked: TrainConfig, fitted: TrainConfig, classes: ImageClasses) -> Iterator[str]:
    """Yield a line for each value of the configuration that the training classes reduce, naming the class."""
    if fitted.ways != asked.ways:
        low, high = fitted.ways
        yield f"{asked.ways[0]}-{asked.ways[1]} → {low}-{high} ways: there are {len(classes)} training classes."
    if fitted.shots != asked.shots:
        smallest = min(range(len(classes)), key=lambda index: len(classes.images[index]))
        images = "1 image" if fitted.shots == 1 else f"{fitted.shots} images"
        yield f"{asked.shots} → {fitted.shots} shots: {classes.names[smallest]!r} has {images}."


def describe(config: TrainConfig, split: Split, ranks: Ranks = ALONE) -> CheckpointMetadata:
    """Return the metadata of this run's checkpoint."""
    return config.metadata(
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        command=shlex.join([*ranks.launcher, "kshot", *sys.argv[1:]]),
        data={
            "source": split.source,
            "split_seed": split.seed,
            "training_classes": len(split.training) if config.meta_steps else 0,
        },
    )


def _has_results(folder: RunFolder, config: TrainConfig) -> bool:
    """Return whether results were written; a kill may have come between the last meta step and them."""
    return all((folder.path / name).exists() for name in (f"{config.name}.safetensors", "learning-curve.png"))


@contextmanager
def stops(training: Training) -> Iterator[None]:
    """End the run after its current meta step, saved, on SIGINT or SIGTERM; a second signal ends it at once.

    Under torchrun a second signal changes nothing: torchrun passes one on after that of the terminal.
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
            os.write(2, NOTICE)  # a stream may be in the middle of a write when the signal comes

    for number in previous:
        signal.signal(number, stop)
    try:
        yield
    finally:
        restore()
