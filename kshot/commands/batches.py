"""`kshot predict --csv`: classify any number of images, a request for every 50."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from kshot.commands.console import show_warnings

if TYPE_CHECKING:
    from kshot import Client, Prediction

COLUMNS = ("image", "label", "score", "known")
TOGETHER = 50  # images of a request: below every server's limit, and enough to fill its batches


def write_csv(client: Client, model_id: str, images: Sequence[Path]) -> None:
    """Write a line for each image to stdout, and show the progress on stderr if it is a terminal."""
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(COLUMNS)
    rows = _predictions(client, model_id, images)
    quiet = not console.is_terminal or sys.stdout.isatty()
    for image, said in track(rows, "Predicting", len(images), console=console, transient=True, disable=quiet):
        known = "" if said.known is None else str(said.known).lower()
        writer.writerow([image, said.label, f"{said.score:.6f}", known])


def _predictions(client: Client, model_id: str, images: Sequence[Path]) -> Iterator[tuple[Path, Prediction]]:
    for start in range(0, len(images), TOGETHER):
        some = images[start : start + TOGETHER]
        answer = client.predict(model_id, some, top_k=1)
        show_warnings(answer)
        yield from zip(some, answer.predictions, strict=True)
