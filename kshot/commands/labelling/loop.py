"""Label a folder: ask for the pictures that teach most, adapt, and ask again, until the model is good enough."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kshot.client import Client
from kshot.labelling.ranking import RankedPicture
from kshot.types import AdaptAnswer

FIRST = 6  # labels at least before the first model, and two classes
POOL = 400  # pictures, drawn anew each time, that are ranked for the next few: all would be sent again and again
MOST_BYTES = 48 << 20  # of a request
MOST_IMAGES = 200


@dataclass(frozen=True)
class Question:
    """A picture to label, with what the model suggests once there is one."""

    path: Path
    suggested: RankedPicture | None = None


Ask = Callable[[Question, Sequence[str]], str | None]
"""From a question, and the classes so far, the label; None to leave the picture out. Raises Stop to end."""


class Stop(Exception):
    """Whoever is asked has had enough."""


@dataclass
class Labelling:
    """A folder's pictures as they are labelled."""

    client: Client
    paths: Sequence[Path]
    ask: Ask
    enough: float
    """Expected accuracy at which to stop."""
    together: int = 8
    """Labels between two adaptations."""
    model: AdaptAnswer | None = None
    labels: dict[Path, str] = field(default_factory=dict)
    passed: set[Path] = field(default_factory=set)
    """Those that were left out, or can't be read."""
    _learnt: set[Path] = field(default_factory=set)
    _stopped: bool = False

    def run(self) -> Iterator[AdaptAnswer]:
        """Ask and adapt; yield each model. Raises ClientError.

        Ends where the model is expected to be good enough, nothing is left to ask about, or whoever is asked stops.
        """
        left = self._shuffled()
        self._ask_all((Question(path) for path in left), self._may_begin)
        while self._may_begin() and not self._is_enough():
            new = {path: label for path, label in self.labels.items() if path not in self._learnt}
            if not new:
                return
            yield self._adapt(new)
            if not self._is_enough():
                self._ask_all(self._next(), self._may_adapt)

    def _shuffled(self) -> list[Path]:
        """What is left, in random order, which is the same each time."""
        left = [path for path in self.paths if path not in self.labels and path not in self.passed]
        random.Random(len(left)).shuffle(left)  # noqa: S311 # no secret
        return left

    def _ask_all(self, questions: Iterable[Question], done: Callable[[], bool]) -> None:
        for question in questions:
            if self._stopped or done():
                return
            try:
                label = self.ask(question, list(dict.fromkeys(self.labels.values())))
            except Stop:
                self._stopped = True
                return
            if label is None:
                self.passed.add(question.path)
            else:
                self.labels[question.path] = label

    def _may_begin(self) -> bool:
        return len(set(self.labels.values())) > 1 and (len(self.labels) >= FIRST or self._stopped)

    def _may_adapt(self) -> bool:
        return len(self.labels) >= len(self._learnt) + self.together

    def _is_enough(self) -> bool:
        """Whether the model is expected to be good enough, and the last few labels brought no class it didn't have.

        What is expected is of the classes that it has: while new ones turn up there may be more.
        """
        expected = self.model and self.model.validation
        labels = list(self.labels.values())
        before = set(labels[: -self.together])
        return bool(expected and expected.accuracy >= self.enough and set(labels) == before)

    def _adapt(self, new: dict[Path, str]) -> AdaptAnswer:
        pairs = [(label, path) for path, label in new.items()]
        self.model = self.client.revise(self.model.id, pairs) if self.model else self.client.adapt(pairs)
        self._learnt |= set(new)
        return self.model

    def _next(self) -> Iterator[Question]:
        """Yield what to ask, the picture that teaches most first."""
        if self._stopped or self.model is None:
            return
        found: list[tuple[int, Path, RankedPicture]] = []
        for part in parts(self._shuffled()[:POOL]):
            ranking = self.client.rank(self.model.id, part)
            self.passed |= {part[error.index] for error in ranking.errors if error.index is not None}
            found += [(each.rank, part[each.index], each) for each in ranking.pictures]
        for _, path, suggested in sorted(found, key=lambda each: each[0]):
            yield Question(path, suggested)


def parts(paths: Sequence[Path]) -> Iterator[list[Path]]:
    """Yield pictures in parts that a request takes."""
    part: list[Path] = []
    size = 0
    for path in paths:
        size += path.stat().st_size
        if part and (size > MOST_BYTES or len(part) == MOST_IMAGES):
            yield part
            part, size = [], path.stat().st_size
        part.append(path)
    if part:
        yield part
