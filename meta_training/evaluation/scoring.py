"""Scores of a checkpoint on the classes its card holds out: what `kshot evaluate` does."""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import torch
import typer

from meta_training.data.image_classes import ImageClasses
from meta_training.data.splits import read_data
from meta_training.errors import DataError
from meta_training.evaluation.accuracy import Score, Setting, evaluate, standard_settings
from meta_training.evaluation.paper_protocol import BatchNorm, evaluate_as_the_paper
from meta_training.run_folder import write_json
from models.allocator import keep_freed_memory
from models.checkpoint import load_checkpoint
from models.inputs.interface import Input
from models.learner import Learner

PARTS = ("test", "validation")
SAME = ("ways", "shots", "batch_norm")  # where a new score takes the place of an old one


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

    def __post_init__(self) -> None:
        """Raises DataError for what cannot be scored."""
        if self.part not in PARTS:
            raise DataError(f"--classes takes {' or '.join(PARTS)}, not {self.part!r}.")
        if self.learning_rate is not None and not 0 < self.learning_rate < math.inf:
            raise DataError(f"--learning-rate must be above 0 and finite; it is {self.learning_rate}.")
        if self.transductive and self.inner_batch is not None:
            raise DataError("--inner-batch scores transductive batch norm in any case: leave --transductive out.")


def score_checkpoint(path: Path, data: Path, scoring: Scoring, device: torch.device, *, write_card: bool) -> None:
    """Prints a score for each setting, and may keep them in the card. Raises KshotError where card or data forbid."""
    checkpoint = load_checkpoint(path)
    card = read_card(path)
    if card.get("digest") != checkpoint.digest:
        raise DataError(
            f"{path.with_suffix('.json')} is not the card of {path.name}: their digests differ, and "
            "its classes may be among those trained on. Put the checkpoint's own card beside it."
        )
    if scoring.inner_batch is not None and not checkpoint.metadata.head.moment_shapes(features=1):  # it takes no steps
        raise DataError(f"{path.name} solves its head on whole support sets: evaluate it without --inner-batch.")
    classes = held_out(card, path, scoring.part, data, checkpoint.metadata.input)
    learner = Learner(checkpoint, device)
    keep_freed_memory()
    typer.echo(f"{path}: {len(classes)} {scoring.part} classes, {scoring.episodes} episodes each")
    scores: list[dict[str, Any]] = []
    for setting in _settings(learner, classes, scoring):
        for kind, result in _evaluate(learner, classes, setting, scoring).items():
            typer.echo(f"{_title(learner, setting)}{kind and ', '}{kind}: {result}")
            scores.append(_document(result, kind, scoring))
    if write_card:
        card = read_card(path)  # anew: another evaluation may have written to it meanwhile
        before = card.get("results", {})
        results = {**before, scoring.part: _merged(before.get(scoring.part, []), scores)}
        write_json(path.with_suffix(".json"), {**card, "results": results})


def _title(learner: Learner, setting: Setting) -> str:
    """A setting, with what of it is not as the checkpoint and the service have it."""
    title = f"{setting}, k = {setting.steps}"
    if setting.learning_rate != learner.checkpoint.metadata.inner.learning_rate:
        title += f", learning rate {setting.learning_rate:g}"
    return title + (", transductive" if setting.transductive else "")


def _document(result: Score, kind: str, scoring: Scoring) -> dict[str, Any]:
    """A score for the card; one by the paper's protocol says so."""
    if not kind:
        return result.document()
    protocol = {"batch_norm": kind, "inner_batch": scoring.inner_batch}
    return {**result.document(), "transductive": kind == BatchNorm.TRANSDUCTIVE, **protocol}


def _merged(before: list[dict[str, Any]], scores: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The scores, and of those before them the ones of other settings."""
    both = {tuple(map(score.get, SAME)): score for score in (*before, *scores)}
    return list(both.values())


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
            steps=inner.steps_for(shots, 1) if scoring.steps is None else scoring.steps,
            learning_rate=inner.learning_rate if scoring.learning_rate is None else scoring.learning_rate,
            transductive=scoring.transductive,
        )


def read_card(path: Path) -> dict[str, Any]:
    """The card beside a checkpoint. Raises DataError where there is none, or it is no card."""
    card = path.with_suffix(".json")
    if not card.exists():
        raise DataError(
            f"{card} is missing: it says which classes {path.stem} never saw. Put it beside the checkpoint."
        )
    try:
        document = json.loads(card.read_text())
    except (OSError, ValueError) as error:
        raise DataError(f"{card} cannot be read as JSON ({error}). Fetch it anew.") from error
    if not isinstance(document, dict) or not isinstance(document.get("data"), dict):
        raise DataError(f"{card} is not the card of a checkpoint: it has no `data`. Fetch it anew.")
    return document


def held_out(card: dict[str, Any], path: Path, part: str, data: Path, spec: Input) -> ImageClasses:
    """The `test` or `validation` classes that a card keeps out of training.

    Raises DataError where the card names none, or the data doesn't hold them.
    """
    names = card["data"].get(f"{part}_classes")
    if not names:
        raise DataError(f"The card of {path.name} names no {part} classes in data.{part}_classes.")
    everything = read_data(data, spec, progress=True)
    missing = [name for name in names if name not in everything.names]
    if missing:
        raise DataError(f"{data} lacks {len(missing)} of the {part} classes of {path.name}, {missing[0]!r} among them.")
    return everything.subset(names)
