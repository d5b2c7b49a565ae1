"""A bulk job's pace beside that of its network alone, its memory, and that a killed one ends as if it hadn't been."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple, Self

import torch
from torch import Tensor

from app.bulk.decoding import EntryDecoder
from app.bulk.models import Predictor, open_model
from app.bulk.predict import BLOCK, Output
from app.bulk.sources.interface import Entry, Source
from app.bulk.sources.opening import open_source
from app.settings import Settings
from benchmarks.bulk.jobs import bulk

BASE_SECONDS = 5  # of each measurement of the network alone
IN_MEMORY = 1024  # examples


class Pace(NamedTuple):
    """Examples a second, and the time of cores for each, which others on the same machine change less."""

    a_second: float
    core_ms: float

    def __str__(self) -> str:
        return f"{self.a_second:.0f} a second, {self.core_ms:.2f} ms of a core each"

    def beside(self, other: Self) -> str:
        """Say what share of another's pace it has."""
        return f"{self.a_second / other.a_second:.2f} of its pace, {other.core_ms / self.core_ms:.2f} by cores' time"


def measure_predict(kind: str, folder: Path, source: Path, model_id: str) -> Iterator[str]:
    """Yield lines about a job over a source of this kind of picture, as soon as each is known."""
    store, out = folder / "store", folder / f"{kind}.parquet"
    settings = Settings(store=str(store))
    predictor = open_model(model_id, settings)
    files = open_source(str(source), out, settings.store_seconds)
    before, decoding = _paces(predictor, files, settings)
    job = bulk(store, "predict", model_id, source, "--out", out, follow=Output(out).journal)
    after, _ = _paces(predictor, files, settings)
    count = sum(1 for _ in files.entries())
    first, rest = job.followed[0], count - BLOCK  # from its first rows on
    own = Pace(rest / (job.seconds - first.seconds), 1e3 * (job.cpu_seconds - first.cpu_seconds) / rest)
    alone = Pace(*((one + other) / 2 for one, other in zip(before, after, strict=True)))
    yield f"{count} {kind}: {own}; {job.seconds:.0f} s in all, {job.cpu_seconds:.0f} s of cores"
    yield f"  the network alone, fed from memory: {alone}; the job has {own.beside(alone)}"
    yield f"  fed files from memory, to decode: {decoding}; the job has {own.beside(decoding)}"
    early, late = job.mean_mb(0.3, 0.5), job.mean_mb(0.8, 1)
    yield f"  memory: {early:.0f} MB at 30 to 50 % of the time, {late:.0f} at 80 to 100 %, {job.peak_mb:.0f} at most"
    again = _killed_twice(store, model_id, source, folder / f"{kind}-killed.parquet", job.followed[-1].bytes)
    same = sha256(again.read_bytes()).digest() == sha256(out.read_bytes()).digest()
    yield f"  killed twice and begun again: {'the same file to the byte' if same else 'ANOTHER FILE'}"


@dataclass(frozen=True)
class _Memory(Source):
    """Files that are in memory."""

    files: tuple[tuple[str, bytes], ...] = ()

    def entries(self) -> Iterator[Entry]:
        for path, data in self.files:
            yield Entry(path, len(data), partial(_first, data))


def _first(data: bytes, most: int) -> bytes:
    return data[: most + 1]


def _killed_twice(store: Path, model_id: str, source: Path, out: Path, whole: int) -> Path:
    """Run a job to its end, but for being killed when a third, and when two thirds of its `whole` bytes were there."""
    journal = Output(out).journal
    for third in (1, 2):
        bulk(store, "predict", model_id, source, "--out", out, kill_after=(journal, third * whole // 3))
        if not journal.exists():
            raise RuntimeError("The job ended before it could be killed: take more pictures.")
    bulk(store, "predict", model_id, source, "--out", out)
    return out


def _paces(predictor: Predictor, source: Source, settings: Settings) -> tuple[Pace, Pace]:
    """Return how fast the network is with examples in memory, and with files in memory that it decodes."""
    decoder = EntryDecoder.of(settings, predictor.input)
    held = []
    for entry in source.entries():
        data = entry.read(settings.max_image_bytes)
        held.append((entry.path, data))
        if len(held) == IN_MEMORY:
            break
    memory = _Memory("memory", tuple(held))
    examples = list(_examples(decoder, memory))
    alone = _pace(lambda: [len(predictor.predict(block)[0]) for block in examples])
    return alone, _pace(lambda: [len(predictor.predict(block)[0]) for block in _examples(decoder, memory)])


def _examples(decoder: EntryDecoder, source: Source) -> Iterator[Tensor]:
    for block in decoder.blocks(source, 0, BLOCK):
        yield torch.stack([each for _, each in block if isinstance(each, Tensor)])


def _pace(work: Callable[[], list[int]]) -> Pace:
    work()
    begin, spent, count = time.monotonic(), time.process_time(), 0
    while time.monotonic() < begin + BASE_SECONDS:
        count += sum(work())
    return Pace(count / (time.monotonic() - begin), 1e3 * (time.process_time() - spent) / count)
