"""What a job says of each file: a row of its results."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

DIGITS = 6  # of a score


@dataclass(frozen=True)
class Row:
    """What a model says of a picture, or in `error` why a file is none that it can be asked about."""

    path: str
    label: str | None = None
    score: float | None = None
    known: bool | None = None
    accepted: bool | None = None
    error: str | None = None
    scores: Sequence[float] | None = None
    """Of all classes, in their order, if they were asked for."""

    def write(self) -> bytes:
        """Return it as a line of JSON."""
        return json.dumps(vars(self), ensure_ascii=False, separators=(",", ":")).encode() + b"\n"

    @classmethod
    def read(cls, line: bytes) -> Self:
        """Return what `write` gave. Raises ValueError or TypeError."""
        return cls(**json.loads(line))


def classified(
    paths: Sequence[str],
    probabilities: Sequence[Sequence[float]],
    known: Sequence[bool | None],
    classes: Sequence[str],
    min_scores: Mapping[str, float],
    with_scores: bool,
) -> list[Row]:
    """Return the rows of pictures, from their class probabilities [Q][N] and whether they look like the classes [Q]."""
    rows = []
    for path, each, looks in zip(paths, probabilities, known, strict=True):
        best = max(range(len(classes)), key=each.__getitem__)
        least = min_scores.get(classes[best])
        row: dict[str, Any] = {"label": classes[best], "score": round(each[best], DIGITS), "known": looks}
        row["accepted"] = None if least is None else each[best] >= least
        rows.append(Row(path, **row, scores=[round(one, DIGITS) for one in each] if with_scores else None))
    return rows
