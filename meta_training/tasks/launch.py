"""`kshot train` for tasks that are no class folders, by the preset's name."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import typer

from meta_training.errors import RunError
from meta_training.tasks import dynamics, navigation, sine, vectors
from meta_training.tasks.tables import read_tasks

UNSEEN = 10  # robots that a run is scored on


@dataclass(frozen=True)
class TaskOptions:
    """What the command says; what is None is the preset's to choose."""

    data: Path | None
    out: Path
    seed: int
    name: str | None = None
    meta_steps: int | None = None
    meta_batch: int | None = None

    def of(self, config: vectors.VectorConfig) -> vectors.VectorConfig:
        """Return a preset with these options."""
        given = {field: getattr(self, field) for field in ("name", "meta_steps", "meta_batch") if getattr(self, field)}
        return replace(config, seed=self.seed, **given)


def launch_task(preset: str, options: TaskOptions) -> None:
    """Run a preset of TASKS, write what it makes and print its errors or scores. Raises KshotError."""
    TASKS[preset](options)


def _sine(options: TaskOptions) -> None:
    for name, errors in sine.run(options.out, options.seed, options.meta_steps or sine.META_STEPS).items():
        after = ", ".join(f"{mean:.2f} ± {interval:.2f} after {steps}" for steps, (mean, interval) in errors.items())
        typer.echo(f"{name}: mean squared error {after} steps")
    typer.echo(
        f"{options.out / 'sine.png'} shows it; {options.out / 'sine.safetensors'} is the checkpoint, with its card."
    )


def _vectors(options: TaskOptions) -> None:
    if options.data is None:
        raise RunError("Tasks are tables: name their folder by --data.")
    training, test = read_tasks(options.data, options.seed)
    typer.echo(f"{len(training)} tasks to train on, {len(test)} to test on")
    config = options.of(vectors.VectorConfig())
    found = vectors.run(config, training, test, options.out, options.data.resolve().name)
    said = "right of those not shown" if test[0].ways else "of the targets' variance is left"
    _say(found, said, options.out / f"{config.name}.safetensors")


def _dynamics(options: TaskOptions) -> None:
    training = dynamics.tasks(
        dynamics.draw_variants(dynamics.TRAINING, dynamics.VARIANTS, options.seed), seed=options.seed
    )
    test = dynamics.tasks(dynamics.draw_variants(dynamics.TEST, UNSEEN, options.seed), seed=options.seed + 10**6)
    config = options.of(dynamics.CONFIG)
    found = vectors.run(config, training, test, options.out, dynamics.ROBOT)
    _say(found, "of the variance of the state's change is left", options.out / f"{config.name}.safetensors")


def _say(found: Mapping[str, Mapping[int, tuple[float, float]]], said: str, path: Path) -> None:
    for name, scores in found.items():
        by_shots = ", ".join(f"{mean:.3f} ± {half:.3f} with {shots}" for shots, (mean, half) in scores.items())
        typer.echo(f"{name}: {by_shots} examples, {said}")
    typer.echo(f"{path} is the checkpoint, with its card")


def _navigation(options: TaskOptions) -> None:
    if options.seed:
        raise RunError(f"This preset takes the seeds {navigation.SEEDS} in turn: leave --seed out.")
    for learner, runs in navigation.run(options.out, options.meta_steps or navigation.GRADIENTS).items():
        for steps in navigation.SHOWN:
            values = [run[steps] for run in runs]
            each = ", ".join(f"{value:.1f}" for value in values)
            typer.echo(f"{learner}, after {steps} inner steps: mean return {sum(values) / len(values):.1f} ({each})")
    typer.echo(f"{options.out / 'navigation.png'} shows the training; the seeds are {navigation.SEEDS}.")


TASKS: Mapping[str, Callable[[TaskOptions], None]] = {
    "sine": _sine,
    "vectors": _vectors,
    "dynamics": _dynamics,
    "navigation": _navigation,
}
