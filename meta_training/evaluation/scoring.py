"""Scores of a checkpoint on the classes that its card holds out: what `kshot evaluate` does."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import torch
import typer

from meta_training.data.image_classes import ImageClasses
from meta_training.data.splits import read_data
from meta_training.errors import DataError
from meta_training.evaluation.accuracy import evaluate, standard_settings
from meta_training.evaluation.card import Card
from meta_training.evaluation.paper_protocol import evaluate_as_the_paper
from meta_training.evaluation.score import BatchNorm, Score, Setting
from models.checkpoint import Checkpoint, load_checkpoint
from models.inputs.interface import Input
from models.learner import Learner

PARTS = ("test", "validation")


@dataclass(frozen=True, kw_only=True)
class Scoring:
    """What to score and how; for None, the checkpoint's own value or the field's usual ones."""

    part: str = "test"
    ways: list[int] | None = None
    shots: list[int] | None = None
    episodes: int
    steps: int | None = None
    learning_rate: float | None = None
    transductive: bool = False
    inner_batch: int | None = None
    """Examples of an inner step, for the paper's protocol; None for whole support sets, as in the service."""

    def __post_init__(self) -> None:
        """Raise DataError for options that cannot be scored."""
        if self.part not in PARTS:
            raise DataError(f"--classes takes {' or '.join(PARTS)}, not {self.part!r}.")
        if self.learning_rate is not None and not 0 < self.learning_rate < math.inf:
            raise DataError(f"--learning-rate must be above 0 and finite; it is {self.learning_rate}.")
        if self.transductive and self.inner_batch is not None:
            raise DataError("--inner-batch always scores transductive batch norm too: leave --transductive out.")


def score_checkpoint(path: Path, data: Path, scoring: Scoring, device: torch.device, *, write_card: bool) -> None:
    """Print a score for each setting; with `write_card`, keep them in the card.

    Raises KshotError where the card or the data does not allow it.
    """
    checkpoint = load_checkpoint(path)
    names = _own_card(path, checkpoint).held_out(scoring.part)
    if scoring.inner_batch is not None and not checkpoint.metadata.head.moment_shapes(features=1):  # it takes no steps
        raise DataError(f"{path.name} solves its head on whole support sets: evaluate it without --inner-batch.")
    classes = _read_classes(names, path, scoring.part, data, checkpoint.metadata.input)
    learner = Learner(checkpoint, device)
    typer.echo(f"{path}: {len(classes)} {scoring.part} classes, {scoring.episodes} episodes each")
    scores: list[Score] = []
    for setting in _settings(learner, classes, scoring):
        for result in _evaluate(learner, classes, setting, scoring):
            typer.echo(f"{_title(learner, setting, result.batch_norm)}: {result}")
            scores.append(result)
    if write_card:  # read anew, for another evaluation may have written to it meanwhile
        Card.read(path).with_scores(scoring.part, scores).write(path)


def _own_card(path: Path, checkpoint: Checkpoint) -> Card:
    """Return a checkpoint's card. Raises DataError where the one beside it is another's."""
    card = Card.read(path)
    if card.digest != checkpoint.digest:
        raise DataError(
            f"{path.with_suffix('.json')} is not the card of {path.name}: their digests differ, and "
            "its classes may be among those trained on. Put the checkpoint's own card beside it."
        )
    return card


def _title(learner: Learner, setting: Setting, batch_norm: BatchNorm | None) -> str:
    """Name a setting, with what of it is not as the checkpoint and the service have it."""
    differs = setting.learning_rate != learner.checkpoint.metadata.inner.learning_rate
    parts = (
        f"{setting.title}, k = {setting.steps}",
        f"learning rate {setting.learning_rate:g}" if differs else "",
        "transductive" if setting.transductive else "",
        batch_norm or "",
    )
    return ", ".join(part for part in parts if part)


def _evaluate(learner: Learner, classes: ImageClasses, setting: Setting, scoring: Scoring) -> list[Score]:
    """Score by the calls of the service, or by the paper's protocol: once for each kind of batch norm."""
    if scoring.inner_batch is None:
        return [evaluate(learner, classes, setting, scoring.episodes, progress=True)]
    scores = evaluate_as_the_paper(learner, classes, setting, scoring.inner_batch, scoring.episodes, progress=True)
    return list(scores.values())


def _settings(learner: Learner, classes: ImageClasses, scoring: Scoring) -> Iterator[Setting]:
    inner = learner.checkpoint.metadata.inner
    standard = standard_settings(learner.checkpoint.metadata, classes)
    chosen_ways = scoring.ways or sorted({setting.ways for setting in standard})
    chosen_shots = scoring.shots or sorted({setting.shots for setting in standard})
    for ways, shots in product(chosen_ways, chosen_shots):
        yield Setting(
            ways=ways,
            shots=shots,
            steps=inner.steps_for(shots) if scoring.steps is None else scoring.steps,
            learning_rate=inner.learning_rate if scoring.learning_rate is None else scoring.learning_rate,
            transductive=scoring.transductive,
        )


def _read_classes(names: Sequence[str], path: Path, part: str, data: Path, spec: Input) -> ImageClasses:
    """Read the classes with these names. Raises DataError where the data lacks some."""
    everything = read_data(data, spec, progress=True)
    missing = [name for name in names if name not in everything.names]
    if missing:
        raise DataError(f"{data} lacks {len(missing)} of the {part} classes of {path.name}, {missing[0]!r} among them.")
    return everything.subset(names)
