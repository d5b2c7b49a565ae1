"""Results as a file: CSV, JSON lines or Parquet, by the end of its name."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeAlias

from app.bulk.errors import OutputUnusable
from app.bulk.rows import Row
from kshot.commands.batches import cell
from models.atomic_file import flush, temporary

COLUMNS = ("path", "label", "score", "known", "accepted", "error")
NUMBERS_AT_ONCE = 10**6  # of a group of Parquet rows

Writer: TypeAlias = Callable[[Path, Iterable[Row], Sequence[str]], None]
"""Writes rows to a new file, with a column for the score of each class that is named."""


def check_output(path: Path) -> Writer:
    """Return what writes results to this path. Raises OutputUnusable for a name or a place that can't have them."""
    writer = WRITERS.get(path.suffix.lower())
    if writer is None:
        raise OutputUnusable(f"{path} says by its end what to write: give a name that ends in {', '.join(WRITERS)}.")
    if not path.parent.is_dir():
        raise OutputUnusable(f"There is no folder {path.parent}. Make it, or give another --out.")
    if writer is _write_parquet:
        try:
            import pyarrow as pa  # noqa: F401 # before hours of work, not after them
        except ImportError as error:
            raise OutputUnusable("Parquet needs the package pyarrow: pip install 'kshot[bulk]'.") from error
    return writer


def write_table(path: Path, writer: Writer, rows: Iterable[Row], scores_of: Sequence[str]) -> None:
    """Write all rows to `path`, which is there as a whole or not at all. Raises OutputUnusable."""
    try:
        with temporary(path) as file:
            writer(file, rows, scores_of)
            with file.open("rb") as written:
                os.fsync(written.fileno())
            file.replace(path)
        flush(path.parent)
    except OSError as error:
        detail = f"{path} cannot be written ({error.strerror}). Make room, then run the command again: no work is lost."
        raise OutputUnusable(detail) from error


def column_of(label: str) -> str:
    """Return the name of the column with the scores of a class."""
    return f"score of {label}"


def _write_csv(file: Path, rows: Iterable[Row], scores_of: Sequence[str]) -> None:
    with file.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow([*COLUMNS, *map(column_of, scores_of)])
        for row in rows:
            own = (_text(getattr(row, name)) for name in COLUMNS)
            writer.writerow([*own, *(_text(score) for score in _scores(row, scores_of))])


def _write_jsonl(file: Path, rows: Iterable[Row], scores_of: Sequence[str]) -> None:
    with io.BufferedWriter(file.open("xb", buffering=0), 2**20) as out:
        for row in rows:
            said: dict[str, Any] = {name: getattr(row, name) for name in COLUMNS}
            if scores_of:
                said["scores"] = row.scores and dict(zip(scores_of, row.scores, strict=True))
            out.write(json.dumps(said, ensure_ascii=False).encode() + b"\n")


def _write_parquet(file: Path, rows: Iterable[Row], scores_of: Sequence[str]) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    kinds = {"score": pa.float32(), "known": pa.bool_(), "accepted": pa.bool_()}
    fields = [(name, kinds.get(name, pa.string())) for name in COLUMNS]
    schema = pa.schema([*fields, *((column_of(label), pa.float32()) for label in scores_of)])
    with parquet.ParquetWriter(file, schema) as out:
        for some in _groups(rows, max(1, NUMBERS_AT_ONCE // len(schema))):
            columns = [[getattr(row, name) for row in some] for name in COLUMNS]
            columns += map(list, zip(*(_scores(row, scores_of) for row in some), strict=True))
            arrays = [pa.array(column, kind) for column, kind in zip(columns, schema.types, strict=True)]
            out.write_table(pa.Table.from_arrays(arrays, schema=schema))


def _scores(row: Row, scores_of: Sequence[str]) -> Sequence[float | None]:
    return row.scores or [None] * len(scores_of)


def _text(value: object) -> str:
    """Return a value as a cell has it, as `kshot predict --csv` writes it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.6f}" if isinstance(value, float) else cell(str(value))


def _groups(rows: Iterable[Row], size: int) -> Iterator[list[Row]]:
    rest = iter(rows)
    while some := list(islice(rest, size)):
        yield some


WRITERS: Mapping[str, Writer] = MappingProxyType(
    {".parquet": _write_parquet, ".csv": _write_csv, ".jsonl": _write_jsonl}
)
