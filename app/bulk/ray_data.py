"""Blocks of files computed by Ray Data: the model is an actor, as often as there is room, on one machine or many.

Every actor opens model and source by their names, so every machine must reach both: a shared folder, or a bucket.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from app.bulk.decoding import EntryDecoder
from app.bulk.errors import SourceUnreadable
from app.bulk.in_process import rows_of
from app.bulk.models import Predictor, open_model
from app.bulk.rows import Row
from app.bulk.sources.interface import Source
from app.settings import Settings


@dataclass(frozen=True)
class Opened:
    """A model and a source, as every actor opens them anew."""

    model: str
    tenant: str
    source: Source
    settings: Settings
    with_scores: bool = False


@dataclass(frozen=True)
class RayData:
    """See app.bulk.predict.BlockEngine; `files` are those of the source."""

    predictor: Predictor
    opened: Opened
    files: int
    actors: int

    def rows(self, skip: int, size: int) -> Iterator[list[Row]]:
        """See BlockEngine. Raises SourceUnreadable for a source that can't be read from anywhere but its beginning."""
        if self.opened.source.is_stream:
            raise SourceUnreadable(f"{self.opened.source.name} is compressed as a whole: unpack it for Ray.")
        import ray.data

        ray.init(ignore_reinit_error=True, log_to_driver=False)
        ray.data.DataContext.get_current().execution_options.preserve_order = True
        ray.data.DataContext.get_current().enable_progress_bars = False
        blocks = [{"first": first} for first in range(skip, self.files, size)]
        uses_gpu = self.predictor.device == "cuda"
        found = ray.data.from_items(blocks, override_num_blocks=len(blocks)).map_batches(
            BlockActor,
            fn_constructor_args=(self.opened, size),
            batch_size=1,
            compute=ray.data.ActorPoolStrategy(size=self.actors),
            num_cpus=0 if uses_gpu else 1,
            num_gpus=1 if uses_gpu else 0,
        )
        for row in found.iter_rows():
            yield [Row.read(line) for line in row["rows"].splitlines()]


class BlockActor:
    """Computes blocks of a source's files, in a process of Ray's."""

    def __init__(self, opened: Opened, size: int) -> None:
        self._opened, self._size = opened, size
        self._predictor = open_model(opened.model, opened.settings, opened.tenant)
        self._decoder = EntryDecoder.of(opened.settings, self._predictor.input)
        self._entries = list(opened.source.entries())

    def __call__(self, batch: Mapping[str, Any]) -> dict[str, list[bytes]]:
        """Return the rows of the block that begins with the file `first`, as lines."""
        first = int(batch["first"][0])
        entries = islice(self._entries, first, first + self._size)
        block = [(entry, self._decoder.decode(entry)) for entry in entries]
        return {"rows": [b"".join(row.write() for row in rows_of(self._predictor, block, self._opened.with_scores))]}
