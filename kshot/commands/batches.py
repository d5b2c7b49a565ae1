"""`kshot predict --csv`: classify any number of images, a request for every 50."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from kshot.commands.console import show_warnings
from kshot.errors import APIError, ClientError, UnsendableError

if TYPE_CHECKING:
    from kshot import Client, Prediction
    from kshot.predictions import Estimate

Row: TypeAlias = tuple[Path, "Prediction | str"]
"""An image, and what the model says of it or why it could say nothing."""

COLUMNS = ("image", "label", "score", "known", "error")
TOGETHER = 50  # images of a request: below every server's limit, and enough to fill its batches
OF_THE_REQUEST = {400, 413, 422}  # statuses that fewer or other images may mend
RUN = ("=", "+", "-", "@", "\t", "\r")  # what begins a cell that a spreadsheet would run as a formula


def write_csv(client: Client, model_id: str, images: Sequence[Path]) -> int:
    """Write a line for each image to stdout, and show the progress on stderr if it is a terminal.

    Returns how many of the lines hold an error. Raises ClientError if the first request fails, but not for its images.
    """
    return write_rows(COLUMNS, _rows(client, model_id, images), len(images))


def write_rows(columns: Sequence[str], rows: Iterable[tuple[object, Prediction | Estimate | str]], count: int) -> int:
    """Write a line for each of so many rows, as `write_csv` does; return how many hold an error."""
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    quiet = not console.is_terminal or sys.stdout.isatty()
    failed = 0
    for example, said in track(rows, "Predicting", count, console=console, transient=True, disable=quiet):
        failed += isinstance(said, str)
        told = _answer(said)
        writer.writerow(map(cell, [str(example), *(told.get(column, "") for column in columns[1:])]))
    return failed


def _answer(said: Prediction | Estimate | str) -> dict[str, str]:
    """Return what is said of an example, by column."""
    from kshot.predictions import Estimate

    if isinstance(said, str):
        return {"error": said}
    if isinstance(said, Estimate):
        return {"values": " ".join(f"{value:g}" for value in said.values)}
    known = "" if said.known is None else str(said.known).lower()
    return {"label": said.label, "score": f"{said.score:.6f}", "known": known}


def cell(text: str) -> str:
    """Return the text such that a spreadsheet takes it as text."""
    return f"'{text}" if text.startswith(RUN) else text


def _rows(client: Client, model_id: str, images: Sequence[Path]) -> Iterator[Row]:
    for start in range(0, len(images), TOGETHER):
        some = images[start : start + TOGETHER]
        try:
            rows = _classified(client, model_id, some)
        except ClientError as error:
            if not start:  # nothing is lost yet: the model or the server may not be there
                raise
            rows = [(image, str(error)) for image in some]
        yield from rows


def _classified(client: Client, model_id: str, images: Sequence[Path]) -> list[Row]:
    """Return a row for each image; where a request fails for its images, in smaller and smaller ones."""
    try:
        answer = client.predict(model_id, images, top_k=1, on_error="skip")
    except UnsendableError as error:
        return _apart(client, model_id, images, str(error))
    except APIError as error:
        if error.problem.status not in OF_THE_REQUEST:
            raise
        faults = {each.index: each.detail for each in error.problem.errors or ()}
        if len(faults) == len(images):
            return [(image, faults[index]) for index, image in enumerate(images)]
        return _apart(client, model_id, images, error.problem.detail)
    show_warnings(answer)
    told = {each.index: each.detail for each in answer.errors} | {each.index: each for each in answer.predictions}
    return [(image, told[index]) for index, image in enumerate(images)]


def _apart(client: Client, model_id: str, images: Sequence[Path], why: str) -> list[Row]:
    if len(images) == 1:
        return [(images[0], why)]
    half = len(images) // 2
    return [*_classified(client, model_id, images[:half]), *_classified(client, model_id, images[half:])]
