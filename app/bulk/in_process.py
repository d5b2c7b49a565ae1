"""Blocks of files computed in this process, decoded in threads meanwhile."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from app.bulk.decoding import Decoded, EntryDecoder
from app.bulk.models import Predictor
from app.bulk.rows import Row, classified
from app.bulk.sources.interface import Entry, Source


@dataclass(frozen=True)
class InProcess:
    """See app.bulk.predict.BlockEngine."""

    predictor: Predictor
    source: Source
    decoder: EntryDecoder
    with_scores: bool = False

    def rows(self, skip: int, size: int) -> Iterator[list[Row]]:
        """See BlockEngine."""
        for block in self.decoder.blocks(self.source, skip, size):
            yield rows_of(self.predictor, block, self.with_scores)


def rows_of(predictor: Predictor, block: Sequence[tuple[Entry, Decoded]], with_scores: bool) -> list[Row]:
    """Return a row for each file of a block, in its order."""
    taken = [(entry.path, found) for entry, found in block if isinstance(found, torch.Tensor)]
    said = iter(_classified(predictor, taken, with_scores) if taken else ())
    return [Row(entry.path, error=found) if isinstance(found, str) else next(said) for entry, found in block]


def _classified(predictor: Predictor, taken: Sequence[tuple[str, torch.Tensor]], with_scores: bool) -> list[Row]:
    paths, examples = zip(*taken, strict=True)
    probabilities, known = predictor.predict(torch.stack(examples))
    looks = [None] * len(paths) if known is None else known.tolist()
    return classified(paths, probabilities.tolist(), looks, predictor.classes, predictor.min_scores, with_scores)
