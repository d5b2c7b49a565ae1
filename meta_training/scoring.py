"""Scores of a checkpoint on the classes its card holds out: what `kshot evaluate` does."""

import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path

import torch
import typer

from meta_training.datasets import ImageClasses
from meta_training.errors import DataError
from meta_training.evaluation import Score, Setting, evaluate, standard_settings
from meta_training.splits import read_data
from models.checkpoint import load_checkpoint
from models.learner import Learner
from models.preprocess import InputSpec


def score_checkpoint(
    path: Path,
    data: Path,
    *,
    part: str,
    ways: list[int] | None,
    shots: list[int] | None,
    episodes: int,
    steps: int | None,
    learning_rate: float | None,
    transductive: bool,
    device: torch.device,
) -> list[Score]:
    """Prints and returns a score for each setting. Raises KshotError where checkpoint or data don't allow it."""
    checkpoint = load_checkpoint(path)
    inner = checkpoint.metadata.inner
    classes = held_out(path, checkpoint.metadata.input, data, part)
    learner = Learner(checkpoint, device)
    typer.echo(f"{path}: {len(classes)} {part} classes, {episodes} episodes each")
    scores = []
    for setting in _settings(learner, classes, ways, shots):
        chosen = replace(
            setting,
            steps=inner.steps if steps is None else steps,
            learning_rate=learning_rate or inner.learning_rate,
            transductive=transductive,
        )
        scores.append(evaluate(learner, classes, chosen, episodes, progress=True))
        typer.echo(f"{setting}, k = {chosen.steps}: {scores[-1]}")
    return scores


def _settings(
    learner: Learner, classes: ImageClasses, ways: list[int] | None, shots: list[int] | None
) -> Iterator[Setting]:
    standard = standard_settings(learner.checkpoint.metadata, classes)
    chosen_ways = ways or sorted({setting.ways for setting in standard})
    chosen_shots = shots or sorted({setting.shots for setting in standard})
    for n, k in product(chosen_ways, chosen_shots):
        yield replace(standard[0], ways=n, shots=k)


def held_out(path: Path, spec: InputSpec, data: Path, part: str) -> ImageClasses:
    """The classes that the card beside a checkpoint keeps out of training: its `test` or `validation` classes.

    Raises DataError where there is no card, no such part, or the data doesn't hold the classes.
    """
    card = path.with_suffix(".json")
    if not card.exists():
        raise DataError(
            f"{card} is missing: the card says which classes {path.name} never saw. Put it beside the checkpoint."
        )
    if part not in ("test", "validation"):
        raise DataError(f"--classes takes test or validation, not {part!r}.")
    names = json.loads(card.read_text())["data"][f"{part}_classes"]
    everything = read_data(data, spec, progress=True)
    missing = [name for name in names if name not in everything.names]
    if missing:
        raise DataError(
            f"{data} has not the class {missing[0]!r} that {card.name} holds out, and {len(missing) - 1} more."
        )
    return everything.subset(names)
