"""`kshot train`, `evaluate` and `report`, which the command line finds by an entry point of pyproject.toml.

Heavy imports wait until a command runs, so that `kshot --help` answers at once.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from meta_training.checkpoints import command as checkpoint_command
from meta_training.errors import errors_for_people

if TYPE_CHECKING:
    from meta_training.config import TrainConfig

Data = Annotated[
    Path | None,
    typer.Option(
        envvar="KSHOT_DATA",
        help="A folder with Omniglot's two zips or what they unpack to, or any folder, zip or tar of class folders.",
    ),
]
Domains = Annotated[
    Path | None, typer.Option(help="For `photo`: a folder, zip or tar of domains, each a folder of class folders.")
]
Device = Annotated[str, typer.Option(envvar="KSHOT_DEVICE", help="`auto`, `cpu`, `cuda` or `cuda:<index>`.")]
Parts = Annotated[
    str, typer.Option(envvar="KSHOT_PARTS", help="Modules, with commas between, that register parts of your own.")
]
Threads = Annotated[int | None, typer.Option(min=1, help="CPU threads; all cores when not given.")]


def register(kshot: typer.Typer) -> None:
    """Add the commands of training to `kshot`."""
    for command in (train, evaluate, report):
        kshot.command()(command)
    kshot.add_typer(checkpoint_command.app, name="checkpoint")


def train(
    data: Data = None,
    domains: Domains = None,
    preset: Annotated[str, typer.Option(help="A named configuration, see meta_training/presets.py.")] = "omniglot",
    out: Annotated[Path | None, typer.Option(help="Folder of the run; runs/<preset> when not given.")] = None,
    name: Annotated[str | None, typer.Option(help="Name of the checkpoint; the preset's when not given.")] = None,
    meta_steps: Annotated[
        int | None, typer.Option(min=0, help="Meta steps; the preset's when not given. 0: the weights it starts from.")
    ] = None,
    meta_batch: Annotated[
        int | None, typer.Option(min=1, help="Tasks of a meta step; the preset's when not given.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, max=2**63 - 1, help="Decides the first weights and every task.")] = 0,
    algorithm: Annotated[str, typer.Option(help="`reptile`, or `fomaml` for first-order MAML.")] = "reptile",
    tail_shots: Annotated[int, typer.Option(min=0, help="Images a class for the last step of `fomaml` alone.")] = 0,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in --out.")] = False,
    save_every: Annotated[int, typer.Option(min=1, help="Meta steps between saves.")] = 100,
    validate_every: Annotated[int, typer.Option(min=1, help="Meta steps between validations.")] = 500,
    episodes: Annotated[int, typer.Option(min=2, help="Episodes of each validation.")] = 100,
    device: Device = "auto",
    threads: Threads = None,
    parts: Parts = "",
) -> None:
    """Meta-train a checkpoint by Reptile or first-order MAML.

    Ctrl-C saves and ends; `--resume` goes on, after a kill too, and comes to the same weights. The folder gets the
    checkpoint with its card, report.json, learning-curve.png and TensorBoard events.

        kshot train --preset sine                           # no data: the paper's sine waves, as a picture
        kshot train --preset vectors --data ~/tasks         # a CSV a task, its target or label in the last column
        kshot train --preset omniglot --data ~/omniglot
        kshot train --data ~/symbols --meta-steps 2000 --name symbols
        kshot train --preset photo --data ~/my-photos --name mine   # one more initialization of the shipped mixture
        tensorboard --logdir runs
    """
    from meta_training.launch import launch, launch_domains
    from meta_training.tasks.launch import TASKS, TaskOptions, launch_task
    from meta_training.training import Schedule
    from models.devices import pick_device
    from models.parts import import_parts

    _use_threads(threads)
    folder = out or Path("runs") / (name or preset)
    if preset in TASKS:
        _require_a_task_s(resume=resume, algorithm=algorithm, meta_steps=meta_steps)
    with errors_for_people():
        import_parts(parts)
        if preset in TASKS:
            launch_task(preset, TaskOptions(data, folder, seed, name, meta_steps, meta_batch))
            return
        options: dict[str, Any] = {"meta_steps": meta_steps, "meta_batch": meta_batch, "seed": seed}
        options |= {"name": name, "algorithm": algorithm, "tail_shots": tail_shots}
        schedule = Schedule(save=save_every, validate=validate_every, episodes=episodes)
        if domains:
            configs = _of_domains(preset, **options)
            launch_domains(configs, domains, folder, schedule, device=pick_device(device), resume=resume)
            return
        config = _configuration(preset, **options)
        launch(config, _required(data), folder, schedule, device=pick_device(device), resume=resume)


def evaluate(
    checkpoint: Annotated[Path, typer.Argument(help="A checkpoint's .safetensors file, its card beside it.")],
    data: Data = None,
    ways: Annotated[list[int] | None, typer.Option(min=2, help="N, repeatable; 5 and 20 when not given.")] = None,
    shots: Annotated[list[int] | None, typer.Option(min=1, help="K, repeatable; 1 and 5 when not given.")] = None,
    episodes: Annotated[int, typer.Option(min=2, help="Episodes of each setting.")] = 600,
    steps: Annotated[int | None, typer.Option(min=0, help="Inner steps; the checkpoint's when not given.")] = None,
    learning_rate: Annotated[
        float | None, typer.Option(help="Inner learning rate; the checkpoint's when not given.")
    ] = None,
    classes: Annotated[str, typer.Option(help="`test`, or `validation` to choose by.")] = "test",
    transductive: Annotated[bool, typer.Option("--transductive", help="Batch norm over the queries together.")] = False,
    inner_batch: Annotated[
        int | None, typer.Option(min=1, help="Images of an inner step, for the paper's protocol; all when not given.")
    ] = None,
    write_card: Annotated[bool, typer.Option("--write-card", help="Keep the scores in the checkpoint's card.")] = False,
    device: Device = "auto",
    threads: Threads = None,
    parts: Parts = "",
) -> None:
    """Score a checkpoint on classes it never saw, with 95 % confidence intervals over episodes.

    Batch norm uses the support set's statistics and inner steps the whole support set, as the service does; with
    `--inner-batch`, mini-batches and three ways of batch norm, as the paper does. Choose on validation classes, score
    test once.

        kshot evaluate models/checkpoints/omniglot.safetensors --data ~/omniglot
        kshot evaluate runs/omniglot-5way/omniglot-5way.safetensors --inner-batch 5 --episodes 10000
    """
    from meta_training.evaluation.scoring import Scoring, score_checkpoint
    from models.devices import pick_device
    from models.parts import import_parts

    _use_threads(threads)
    with errors_for_people():
        import_parts(parts)
        scoring = Scoring(
            part=classes,
            ways=ways,
            shots=shots,
            episodes=episodes,
            steps=steps,
            learning_rate=learning_rate,
            transductive=transductive,
            inner_batch=inner_batch,
        )
        score_checkpoint(checkpoint, _required(data), scoring, pick_device(device), write_card=write_card)


def report(
    cards: Annotated[
        list[Path] | None,
        typer.Argument(help="Cards of checkpoints, or folders of finished runs; the shipped cards when not given."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for report.md and its pictures; printed if none.")] = None,
) -> None:
    """Render scores as a table beside the published ones, with what made each checkpoint.

    The scores are those on test classes that `kshot evaluate --write-card` keeps in a card. Of a run's folder the
    learning curve and the memory are shown too.

        kshot report
        kshot report runs/omniglot-5way runs/omniglot-20way --out report
    """
    from meta_training.reports.report import report
    from models.checkpoint import SHIPPED

    with errors_for_people():
        report(cards or sorted(SHIPPED.glob("*.json")), out)


def _require_a_task_s(*, resume: bool, algorithm: str, meta_steps: int | None) -> None:
    """Raise BadParameter for options that runs on class folders have, and those on other tasks have not."""
    if resume:
        raise typer.BadParameter(
            "this preset takes minutes at most: there is nothing to resume.", param_hint="--resume"
        )
    if algorithm != "reptile":
        raise typer.BadParameter("this preset is Reptile's.", param_hint="--algorithm")
    if meta_steps == 0:
        raise typer.BadParameter("this preset takes at least 1.", param_hint="--meta-steps")


def _required(data: Path | None) -> Path:
    if data is None:
        raise typer.BadParameter("name the folder of images by --data or KSHOT_DATA.", param_hint="--data")
    return data


def _configuration(preset: str, **options: Any) -> "TrainConfig":
    """Return a preset with the options that were given. Raises RunError for a value that no run can have."""
    from dataclasses import replace

    from meta_training.presets import PRESETS
    from meta_training.tasks.launch import TASKS

    if preset not in PRESETS:
        known = ", ".join([*TASKS, *PRESETS])
        raise typer.BadParameter(f"{preset!r} is none of {known}.", param_hint="--preset")
    config = replace(PRESETS[preset], **{field: value for field, value in options.items() if value is not None})
    named = config.initialization and options["name"]
    return replace(config, initialization=options["name"]) if named else config


def _of_domains(preset: str, **options: Any) -> "list[TrainConfig]":
    """Return the runs on a folder of domains: those of the shipped checkpoint, or one where a name is given.

    Raises RunError as `_configuration`.
    """
    from dataclasses import replace

    from meta_training.presets import INITIALIZATIONS, OF_DOMAINS

    if preset != "photo":
        raise typer.BadParameter(f"{preset!r} has no domains: leave it out, or --preset photo.", param_hint="--domains")
    given = {field: value for field, value in options.items() if value is not None}
    if "name" in given:
        return [replace(OF_DOMAINS, **given, initialization=given["name"])]
    return [replace(config, **given) for config in INITIALIZATIONS]


def _use_threads(threads: int | None) -> None:
    import torch

    if threads is not None:
        torch.set_num_threads(threads)
