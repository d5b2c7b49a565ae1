"""Whether `photo`'s answers mean what they say: expected accuracy, scores, and `known`.

    python -m benchmarks.photo_answers --data ~/photos       # 200 episodes of each set, 5 classes of 5 photos

Data sets are class folders, zips or tars. An episode adapts as the server does. Expected accuracy is held against the
share of right answers about 15 other photos a class, scores against how often they are right in 15 bins (expected
calibration error), and `known` against photos of other classes of the set and of the other sets (area under the ROC).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from numpy.typing import NDArray
from tqdm import tqdm

from benchmarks.machine import describe_machine
from benchmarks.photos import Photos, read_photos
from meta_training.data.episodes import generator
from models.checkpoint import SHIPPED, load_checkpoint
from models.learner import Adaptation, Answers, Learner
from models.tasks import Support

BINS = 15
QUERIES = 15


@dataclass
class Found:
    """What the episodes of a set gave."""

    errors: list[float] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    right: list[bool] = field(default_factory=list)
    areas: dict[str, list[float]] = field(default_factory=lambda: {"other classes": [], "other sets": []})
    known: list[float] = field(default_factory=list)
    strange: list[float] = field(default_factory=list)


def main(
    data: Annotated[Path, typer.Option(envvar="KSHOT_DATA", help="Folder of the three sets, see benchmarks/photos.")],
    episodes: Annotated[int, typer.Option(min=2, help="Of each set.")] = 200,
    ways: Annotated[int, typer.Option(min=2, help="Classes.")] = 5,
    shots: Annotated[int, typer.Option(min=2, help="Photos a class.")] = 5,
    checkpoint: Annotated[Path, typer.Option(help="What to adapt.")] = SHIPPED / "photo.safetensors",
    seed: Annotated[int, typer.Option(help="Decides the episodes.")] = 0,
) -> None:
    """Hold the answers' figures against what is true."""
    torch.set_num_threads(1)
    learner = Learner(load_checkpoint(checkpoint), torch.device("cpu"))
    sets = read_photos(data, learner)
    typer.echo(f"{describe_machine()}; {ways}-way {shots}-shot, {episodes} episodes of each set, seed {seed}\n")
    typer.echo("| set | expected accuracy, mean absolute error | calibration error of scores | AUROC, other classes |")
    typer.echo("|---|---|---|---|")
    found = {name: _measure(learner, sets, name, (ways, shots), episodes, seed) for name in sets}
    for name, one in found.items():
        typer.echo(_row(name, one))
    typer.echo(_mean_row(list(found.values())))
    both = [area for one in found.values() for areas in one.areas.values() for area in areas]
    others = [area for one in found.values() for area in one.areas["other sets"]]
    typer.echo(f"\nAUROC against other sets {np.mean(others):.3f}; mean of both kinds {np.mean(both):.3f}")
    _describe_threshold(learner, list(found.values()))


def _measure(
    learner: Learner, sets: dict[str, Photos], name: str, setting: tuple[int, int], episodes: int, seed: int
) -> Found:
    found = Found()
    for number in tqdm(range(episodes), desc=name, unit="episode", leave=False):
        rng = generator(seed, *setting, number)
        photos = sets[name]
        support, labels, queries, truth, others = photos.episode(rng, *setting, QUERIES)
        adaptation, said = _ask(learner, support, labels, setting[0], queries)
        probabilities = said.probabilities
        right = probabilities.argmax(dim=1) == truth
        found.errors.append(abs((adaptation.expected_accuracy or 0) - float(right.double().mean())))
        found.scores += probabilities.amax(dim=1).tolist()
        found.right += right.tolist()
        strangers = {"other classes": others, "other sets": _elsewhere(rng, sets, name)}
        for kind, images in strangers.items():
            if len(images):
                [strange] = learner.predict([adaptation.adapted], [images])
                found.areas[kind].append(_area(_familiarity(said), _familiarity(strange)))
                found.strange += _familiarity(strange).tolist()
        found.known += _familiarity(said).tolist()
    return found


def _ask(
    learner: Learner, support: torch.Tensor, labels: torch.Tensor, ways: int, queries: torch.Tensor
) -> tuple[Adaptation, Answers]:
    inner = learner.checkpoint.metadata.inner
    steps = inner.steps_for(len(labels), ways)
    [adaptation] = learner.adapt([Support(support, labels, ways, steps, inner.learning_rate)])
    [said] = learner.predict([adaptation.adapted], [queries])
    return adaptation, said


def _elsewhere(rng: np.random.Generator, sets: dict[str, Photos], name: str) -> torch.Tensor:
    """40 photos of the other sets."""
    return torch.cat([photos.any(rng, 20) for other, photos in sets.items() if other != name])


def _familiarity(said: Answers) -> NDArray[np.float32]:
    if said.familiarity is None:
        raise typer.BadParameter("it has no calibration, and so can't tell.", param_hint="--checkpoint")
    found: NDArray[np.float32] = said.familiarity.numpy()
    return found


def _area(known: NDArray[np.float32], strange: NDArray[np.float32]) -> float:
    """Area under the ROC: how often a known picture is more familiar than a strange one."""
    return float((known[:, None] > strange).mean() + (known[:, None] == strange).mean() / 2)


def _calibration_error(scores: list[float], right: list[bool]) -> float:
    """Expected calibration error: |score − share right| over bins of scores, weighed by their size."""
    sure, correct = np.array(scores), np.array(right)
    bins = np.minimum((sure * BINS).astype(int), BINS - 1)
    gaps = [abs(sure[bins == one].sum() - correct[bins == one].sum()) for one in np.unique(bins)]
    return float(sum(gaps) / len(sure))


def _row(name: str, found: Found) -> str:
    error, spread = np.mean(found.errors), 1.96 * np.std(found.errors, ddof=1) / len(found.errors) ** 0.5
    area = f"{np.mean(found.areas['other classes']):.3f}" if found.areas["other classes"] else "has no other"
    return f"| {name} | {error:.3f} ± {spread:.3f} | {_calibration_error(found.scores, found.right):.3f} | {area} |"


def _mean_row(found: list[Found]) -> str:
    error = np.mean([np.mean(one.errors) for one in found])
    gap = np.mean([_calibration_error(one.scores, one.right) for one in found])
    areas = [np.mean(one.areas["other classes"]) for one in found if one.areas["other classes"]]
    return f"| **mean** | {error:.3f} | {gap:.3f} | {np.mean(areas):.3f} |" if areas else ""


def _describe_threshold(learner: Learner, found: list[Found]) -> None:
    calibration = learner.checkpoint.metadata.calibration
    known = np.concatenate([one.known for one in found])
    strange = np.concatenate([one.strange for one in found])
    if calibration:
        accepted, refused = (known >= calibration.familiar).mean(), (strange < calibration.familiar).mean()
        typer.echo(f"`known` is true for {accepted:.0%} of pictures of the classes, false for {refused:.0%} of others")
    typer.echo("familiarity at 5, 10, 20 % of the known: " + ", ".join(_quantiles(known)))


def _quantiles(values: NDArray[np.float64]) -> Iterator[str]:
    for quantile in (0.05, 0.1, 0.2):
        yield f"{np.quantile(values, quantile):.3f}"


if __name__ == "__main__":
    typer.run(main)
