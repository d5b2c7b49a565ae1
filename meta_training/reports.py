"""What a run leaves for people: the checkpoint with its card, a JSON report and a picture of its learning curve."""

from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from meta_training.config import TrainConfig
from meta_training.run_folder import Progress, RunFolder, write_json
from meta_training.splits import Split
from models.architecture import MetaInitialization
from models.checkpoint import Checkpoint, save_checkpoint
from models.metadata import CheckpointMetadata


def write_results(
    folder: RunFolder,
    config: TrainConfig,
    metadata: CheckpointMetadata,
    theta: MetaInitialization,
    progress: Progress,
    split: Split,
) -> Checkpoint:
    """Writes `<name>.safetensors`, its card `<name>.json`, `report.json` and `learning-curve.png`."""
    checkpoint = save_checkpoint(folder.path / f"{config.name}.safetensors", metadata, theta)
    write_json(folder.path / f"{config.name}.json", card(checkpoint, config, progress, split))
    write_json(folder.path / "report.json", {"config": config.document(), **vars(progress)})
    draw_learning_curve(folder.path / "learning-curve.png", config, progress)
    return checkpoint


def card(checkpoint: Checkpoint, config: TrainConfig, progress: Progress, split: Split) -> dict[str, Any]:
    """A checkpoint's card: what made it, how long that took, how it did, and the classes it never saw."""
    return {
        "name": checkpoint.metadata.name,
        "digest": checkpoint.digest,
        "created_at": checkpoint.metadata.created_at,
        "command": checkpoint.metadata.command,
        "training_seconds": round(progress.seconds),
        "config": config.document(),
        "results": {"validation": progress.validation[-1]["scores"]} if progress.validation else {},
        "data": {
            "source": split.source,
            "split_seed": split.seed,
            "training_classes": len(split.training),
            "validation_classes": list(split.validation.names),
            "test_classes": list(split.test.names),
        },
    }


def draw_learning_curve(path: Path, config: TrainConfig, progress: Progress) -> None:
    """Training loss and validation accuracy over meta steps, as a PNG."""
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    loss, *validation = figure.subplots(1, 1 + config.validation, squeeze=False)[0]
    steps = [entry["step"] for entry in progress.losses]
    for key, label in (("first", "before the first inner step"), ("last", "before the last")):
        loss.plot(steps, [entry[key] for entry in progress.losses], label=label, linewidth=0.8)
    loss.set(
        xlabel="meta step", ylabel="training loss", yscale="log", title=f"{config.name}: {config.meta_steps} meta steps"
    )
    for axes in validation:
        _draw_validation(axes, progress)
    for axes in (loss, *validation):
        axes.grid(alpha=0.3)
        axes.legend(fontsize=8)
    figure.savefig(path, dpi=120)


def _draw_validation(axes: Axes, progress: Progress) -> None:
    curves: dict[str, list[tuple[int, float]]] = {}
    for entry in progress.validation:
        for score in entry["scores"]:
            curves.setdefault(f"{score['ways']}-way {score['shots']}-shot", []).append(
                (entry["step"], 100 * score["accuracy"])
            )
    for name, points in curves.items():
        axes.plot(*zip(*points, strict=True), marker=".", label=name)
    axes.set(xlabel="meta step", ylabel="accuracy, %", title="validation classes")
