"""Our accuracy beside the published one: a row for each method, a column for each data set, N and K."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from meta_training.evaluation.card import Card
from meta_training.evaluation.score import BatchNorm, Score
from meta_training.reports import published


class Column(NamedTuple):
    """N ways and K shots of a data set."""

    data: str
    ways: int
    shots: int

    def __str__(self) -> str:
        return f"{self.data} {self.ways}-way {self.shots}-shot"


@dataclass(frozen=True)
class Cell:
    """An accuracy and half its interval in %, and their text; a figure published without an interval has none."""

    text: str
    accuracy: float
    interval: float

    @classmethod
    def parse(cls, text: str) -> "Cell":
        """Read `98.90 ± 0.10`, or `99.50`."""
        accuracy, _, interval = text.partition(" ± ")
        return cls(text, float(accuracy), float(interval or "nan"))


@dataclass(frozen=True)
class Row:
    """A method and its accuracies; a column without one has no cell."""

    label: str
    cells: dict[Column, Cell]
    ours: bool


@dataclass(frozen=True)
class Comparison:
    """The published rows, then ours."""

    columns: list[Column]
    rows: list[Row]


def compare(cards: dict[str, Card]) -> Comparison:
    """Set cards, by title, beside what is published for any of their columns."""
    ours = [row for title, card in cards.items() for row in _rows(title, card)]
    columns = _in_order({column for row in ours for column in row.cells})
    theirs = [row for row in _published() if row.cells.keys() & set(columns)]
    return Comparison(columns, theirs + ours)


def data_set(card: Card) -> str:
    """Return the name of a published data set; of any other, that of its folder."""
    if card.data.source == "omniglot":
        return published.OMNIGLOT
    letters = re.sub("[^a-z]", "", f"{card.data.source} {card.name}".lower())
    return published.MINI_IMAGENET if "miniimagenet" in letters else card.data.source


def kinds(card: Card) -> dict[str, list[Score]]:
    """Return the scores on the test classes by how batch norm got its statistics."""
    found: dict[str, list[Score]] = {}
    for score in sorted(card.test_scores, key=_kind):
        found.setdefault(_kind(score), []).append(score)
    return found


def _kind(score: Score) -> str:
    served = BatchNorm.TRANSDUCTIVE if score.transductive else BatchNorm.FROZEN
    kind = f"{served}, as served" if score.batch_norm is None else score.batch_norm
    return f"{kind}, T" if score.transductive else kind


def _rows(title: str, card: Card) -> list[Row]:
    data = data_set(card)
    return [
        Row(f"{title} {kind}", {Column(data, score.ways, score.shots): _cell(score) for score in scores}, ours=True)
        for kind, scores in kinds(card).items()
    ]


def _cell(score: Score) -> Cell:
    return Cell.parse(f"{100 * score.accuracy:.2f} ± {100 * score.interval:.2f}")


def _published() -> list[Row]:
    columns = [Column(*setting) for setting in published.SETTINGS]
    return [
        Row(label, {column: Cell.parse(text) for column, text in zip(columns, texts, strict=True) if text}, ours=False)
        for label, texts in published.ROWS.items()
    ]


def _in_order(columns: set[Column]) -> list[Column]:
    """Order columns: the published ones first, as they are there."""
    known: Sequence[Column] = [Column(*setting) for setting in published.SETTINGS]
    return [column for column in known if column in columns] + sorted(columns - set(known))
