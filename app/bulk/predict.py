"""Classify any number of pictures: from a source, by a model, to a file of results."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Protocol

from app.bulk.errors import OutputUnusable, SourceUnreadable
from app.bulk.journal import Journal
from app.bulk.models import Predictor
from app.bulk.rows import Row
from app.bulk.sources.interface import Source
from app.bulk.tables import check_output, write_table

FORMAT = 1  # of the journal
BLOCK = 128  # files that are computed together, whatever was killed when: so the same numbers come of them


@dataclass(frozen=True)
class Listing:
    """How many files a source has, and what tells them from others'."""

    files: int
    digest: str

    @classmethod
    def of(cls, source: Source, follow: Callable[[int], None]) -> Listing:
        """Read the names of all files; `follow` is told now and then how many there are. Raises SourceUnreadable."""
        found, files = sha256(), 0
        for entry in source.entries():
            found.update(f"{entry.path}\0{entry.size}\n".encode())
            files += 1
            if files % 1000 == 0:
                follow(files)
        if not files:
            raise SourceUnreadable(f"{source.name} holds no files. Hidden ones are left out.")
        return cls(files, found.hexdigest())


@dataclass(frozen=True)
class Output:
    """Where results go."""

    path: Path
    with_scores: bool = False
    """Whether the scores of all classes go there too."""
    overwrite: bool = False
    """Whether to begin anew where there are results, or half of them."""

    @property
    def journal(self) -> Path:
        """Where the job keeps what it has done so far: hidden, and beside the results."""
        return self.path.with_name(f".{self.path.name}.journal")

    def prepare(self) -> None:
        """Raise OutputUnusable where results can't be written, before any is computed."""
        check_output(self.path)
        if self.overwrite:
            self.path.unlink(missing_ok=True)
            self.journal.unlink(missing_ok=True)
        elif self.path.exists() and not self.journal.exists():
            raise OutputUnusable(f"{self.path} is there already. Give another --out, or --overwrite.")


@dataclass(frozen=True)
class Done:
    """How a job ended."""

    files: int
    faulty: int
    first_faults: list[str]
    """What is wrong with a few of these."""


class Progress(Protocol):
    """Follows a job."""

    def listed(self, files: int) -> None:
        """Take note that so many files were found so far."""

    def begin(self, files: int, done: int) -> None:
        """Take note of how many files there are, and how many an earlier run has done."""

    def advance(self, files: int) -> None:
        """Take note that so many more are done."""


class BlockEngine(Protocol):
    """What computes."""

    @property
    def predictor(self) -> Predictor:
        """The model."""

    def rows(self, skip: int, size: int) -> Iterator[list[Row]]:
        """Yield the rows of all files after the first `skip`, in their order, those of `size` files at a time."""


def predict(engine: BlockEngine, source: Source, listing: Listing, output: Output, progress: Progress) -> Done:
    """Write a row for each file of the source, in its order, and return how that went.

    If this ends early, in whatever way, calling it again goes on where it was; the results are the same to the byte.
    Raises KshotError.
    """
    writer, predictor = check_output(output.path), engine.predictor
    job = {
        "format": FORMAT,
        "model": predictor.digest,
        "source": source.name,
        "files": listing.files,
        "listing": listing.digest,
        "scores": output.with_scores,
    }
    with Journal(output.journal, job, BLOCK) as journal:
        progress.begin(listing.files, journal.rows)
        for rows in engine.rows(journal.rows, BLOCK):
            journal.append(rows)
            progress.advance(len(rows))
        if journal.rows != listing.files:
            detail = f"{source.name} changed meanwhile: it had {listing.files} files, and now {journal.rows}."
            raise SourceUnreadable(f"{detail} Begin anew with --overwrite.")
        faults = _Faults()
        scores_of = predictor.classes if output.with_scores else ()
        write_table(output.path, writer, faults.counting(journal.read()), scores_of)
    output.journal.unlink(missing_ok=True)
    return Done(listing.files, faults.count, faults.first)


class _Faults:
    """Counts the rows that say what is wrong with a file."""

    few = 10

    def __init__(self) -> None:
        self.count = 0
        self.first: list[str] = []

    def counting(self, rows: Iterator[Row]) -> Iterator[Row]:
        """Yield the rows."""
        for row in rows:
            if row.error is not None:
                self.count += 1
                if len(self.first) < self.few:
                    self.first.append(row.error)
            yield row
