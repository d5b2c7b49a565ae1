"""What a run leaves for people: the checkpoint with its card, a JSON report and a picture of its learning curve."""

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from meta_training.config import TrainConfig
from meta_training.data.splits import Split
from meta_training.run_folder import Progress, RunFolder, write_json
from models.checkpoint import Checkpoint, save_checkpoint


def write_results(
    folder: RunFolder,
    config: TrainConfig,
    made: Checkpoint,
    progress: Progress,
    split: Split,
) -> Checkpoint:
    """Writes `<name>.safetensors`, its card `<name>.json`, `report.json` and `learning-curve.png`."""
    checkpoint = save_checkpoint(
        folder.path / f"{config.name}.safetensors", made.metadata, made.initialization, made.encoder
    )
    write_json(folder.path / f"{config.name}.json", card(checkpoint, config, progress, split))
    write_json(folder.path / "report.json", {"config": config.document(), **vars(progress)})
    learning_curve(config.name, progress).savefig(folder.path / "learning-curve.png", dpi=120)
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
            "training_classes": len(split.training) if config.meta_steps else 0,
            "validation_classes": list(split.validation.names),
            "test_classes": list(split.test.names),
        },
    }


def learning_curve(name: str, progress: Progress) -> Figure:
    """Training loss, validation accuracy and memory over meta steps, as far as they are recorded."""
    panels = [_draw_losses]
    panels += [_draw_validation] if progress.validation else []
    panels += [_draw_memory] if recorded_memory(progress) else []
    figure = Figure(figsize=(4.5 * len(panels), 3.6), layout="constrained")
    for draw, axes in zip(panels, figure.subplots(1, len(panels), squeeze=False)[0], strict=True):
        draw(axes, progress)
        axes.set(xlabel="meta step")
        axes.grid(alpha=0.3)
    figure.axes[0].set_title(f"{name}: {progress.step} meta steps")
    return figure


def recorded_memory(progress: Progress) -> dict[int, float]:
    """A run's memory in MB by meta step; runs of before it was recorded have none."""
    return {int(entry["step"]): entry["memory"] for entry in progress.losses if "memory" in entry}


def _draw_losses(axes: Axes, progress: Progress) -> None:
    steps = [entry["step"] for entry in progress.losses]
    for key, label in (("first", "before the first inner step"), ("last", "before the last")):
        axes.plot(steps, [entry[key] for entry in progress.losses], label=label, linewidth=0.8)
    axes.set(ylabel="training loss", yscale="log")
    axes.legend(fontsize=8)


def _draw_validation(axes: Axes, progress: Progress) -> None:
    curves: dict[str, list[tuple[int, float]]] = {}
    for entry in progress.validation:
        for score in entry["scores"]:
            curves.setdefault(f"{score['ways']}-way {score['shots']}-shot", []).append(
                (entry["step"], 100 * score["accuracy"])
            )
    for name, points in curves.items():
        axes.plot(*zip(*points, strict=True), marker=".", label=name)
    axes.set(ylabel="accuracy, %", title="validation classes")
    axes.legend(fontsize=8)


def _draw_memory(axes: Axes, progress: Progress) -> None:
    memory = recorded_memory(progress)
    axes.plot(list(memory), list(memory.values()), linewidth=0.8)
    axes.set(ylabel="memory, MB", title="resident memory", ylim=(0, 1.2 * max(memory.values())))
