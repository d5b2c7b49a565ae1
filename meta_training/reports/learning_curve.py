"""The picture of a run: its losses, validation accuracy and memory over meta steps."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from meta_training.run_folder import Progress


def draw_learning_curve(name: str, progress: Progress) -> Figure:
    """Draw training loss, validation accuracy and memory over meta steps, as far as they were recorded."""
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
    """Return a run's memory in MB by meta step; runs that are older than its record have none."""
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
