"""The test characters of the shipped `omniglot` checkpoint as image files, to upload as a user would."""

import io
import json
from collections import defaultdict
from pathlib import Path

import numpy as np
import typer
from PIL import Image

from meta_training.data.omniglot import character_files
from models.checkpoint import SHIPPED

Characters = dict[str, list[bytes]]


def test_characters(data: Path) -> Characters:
    """PNG files of the 423 characters that the checkpoint's card holds out, by their official path.

    Raises DataError where Omniglot is not in `data`.
    """
    held_out = set(json.loads((SHIPPED / "omniglot.json").read_text())["data"]["test_classes"])
    files: Characters = defaultdict(list)
    for name, _, content in character_files(data):
        if name in held_out:
            files[name].append(content)
    return dict(files)


def draw(
    rng: np.random.Generator, characters: Characters, ways: int, shots: int, queries: int
) -> tuple[list[tuple[str, bytes]], list[tuple[str, bytes]]]:
    """An episode of labelled files: `shots` of each class to adapt to and `queries` others to ask about."""
    support, query = [], []
    for name in rng.choice(sorted(characters), ways, replace=False):
        picks = rng.permutation(len(characters[name]))[: shots + queries]
        files = [(str(name), characters[name][pick]) for pick in picks]
        support += files[:shots]
        query += files[shots:]
    return support, query


def on_sheet(rng: np.random.Generator, file: bytes, largest: float) -> bytes:
    """A drawing on a white sheet of up to `largest` times its sides, anywhere: as people draw smaller and larger."""
    with Image.open(io.BytesIO(file)) as opened:
        drawing = opened.convert("L")
    side = round(max(drawing.size) * rng.uniform(1, largest))
    sheet = Image.new("L", (side, side), "white")
    sheet.paste(drawing, tuple(int(rng.integers(0, side - length + 1)) for length in drawing.size))
    written = io.BytesIO()
    sheet.save(written, "PNG")
    return written.getvalue()


def require(characters: Characters, ways: int, shots: int) -> None:
    """Raises typer.BadParameter where `draw` could not make such an episode with one query a class."""
    most = min(map(len, characters.values())) - 1
    if not 2 <= ways <= len(characters) or not 1 <= shots <= most:
        raise typer.BadParameter(f"{ways}-way {shots}-shot: take 2 to {len(characters)} ways and 1 to {most} shots.")
