"""Scores of a checkpoint on the classes its card holds out: what `kshot evaluate` does."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import torch
import typer

from meta_training.datasets import ImageClasses
from meta_training.errors import DataError
from meta_training.evaluation import Score, Setting, evaluate, standard_settings
from meta_training.paper_protocol import evaluate_as_the_paper
from meta_training.run_folder import write_json
from meta_training.splits import read_data
from models.checkpoint import load_checkpoint
from models.learner import Learner
from models.preprocess import InputSpec

PARTS = ("test", "validation")


@dataclass(frozen=True, kw_only=True)
class Scoring:
    """What to score and how; None leaves a value to the checkpoint, or to the field's custom."""

    part: str = "test"
    ways: list[int] | None = None
    shots: list[int] | None = None
    episodes: int
    steps: int | None = None
    learning_rate: float | None = None
    transductive: bool = False
    inner_batch: int | None = None
    """Mini-batches of the inner steps, for the paper's protocol; full support sets, as the service has, where None."""


def score_checkpoint(path: Path, data: Path, scoring: Scoring, device: torch.device, *, write_card: bool) -> None:
    """Prints a score for each setting, and may keep them in the card. Raises KshotError where card or data forbid."""
    checkpoint = load_checkpoint(path)
    card = read_card(path)
    classes = held_out(card, path, scoring.part, data, checkpoint.metadata.input)
    learner = Learner(checkpoint, device)
    typer.echo(f"{path}: {len(classes)} {scoring.part} classes, {scoring.episodes} episodes each")
    scores: list[dict[str, Any]] = []
    for setting in _settings(learner, classes, scoring):
        for kind, result in _evaluate(learner, classes, setting, scoring).items():
            typer.echo(f"{setting}, k = {setting.steps}{kind and ', '}{kind}: {result}")
            scores.append({**result.document(), **({"batch_norm": kind} if kind else {})})
    if write_card:
        results = {**card.get("results", {}), scoring.part: scores}
        write_json(path.with_suffix(".json"), {**card, "results": results})


def _evaluate(learner: Learner, classes: ImageClasses, setting: Setting, scoring: Scoring) -> dict[str, Score]:
    """Scores by kind of batch norm; the service's has no name."""
    if scoring.inner_batch is None:
        return {"": evaluate(learner, classes, setting, scoring.episodes, progress=True)}
    scores = evaluate_as_the_paper(learner, classes, setting, scoring.inner_batch, scoring.episodes, progress=True)
    return {str(kind): result for kind, result in scores.items()}


def _settings(learner: Learner, classes: ImageClasses, scoring: Scoring) -> Iterator[Setting]:
    inner = learner.checkpoint.metadata.inner
    standard = standard_settings(learner.checkpoint.metadata, classes)
    chosen_ways = scoring.ways or sorted({setting.ways for setting in standard})
    chosen_shots = scoring.shots or sorted({setting.shots for setting in standard})
    for ways, shots in product(chosen_ways, chosen_shots):
        yield replace(
            standard[0],
            ways=ways,
            shots=shots,
            steps=inner.steps if scoring.steps is None else scoring.steps,
            learning_rate=scoring.learning_rate or inner.learning_rate,
            transductive=scoring.transductive,
        )


def read_card(path: Path) -> dict[str, Any]:
    """The card beside a checkpoint. Raises DataError where there is none, or it cannot be read."""
    card = path.with_suffix(".json")
    if not card.exists():
        raise DataError(
            f"{card} is missing: it says which classes {path.name} never saw. Put it beside the checkpoint."
        )
    try:
        document: dict[str, Any] = json.loads(card.read_text())
    except ValueError as error:
        raise DataError(f"{card} is no JSON ({error}). Fetch it anew.") from error
    return document


def held_out(card: dict[str, Any], path: Path, part: str, data: Path, spec: InputSpec) -> ImageClasses:
    """The `test` or `validation` classes that a card keeps out of training.

    Raises DataError where the card names none, or the data doesn't hold them.
    """
    if part not in PARTS:
        raise DataError(f"--classes takes {' or '.join(PARTS)}, not {part!r}.")
    names = card.get("data", {}).get(f"{part}_classes")
    if not names:
        raise DataError(f"The card of {path.name} names no {part} classes in data.{part}_classes.")
    everything = read_data(data, spec, progress=True)
    missing = [name for name in names if name not in everything.names]
    if missing:
        raise DataError(f"{data} lacks {len(missing)} of the {part} classes of {path.name}, {missing[0]!r} among them.")
    return everything.subset(names)
