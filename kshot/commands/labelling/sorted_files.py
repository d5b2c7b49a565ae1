"""Pictures with their labels, as other programs take them: class folders, CSV, COCO, Label Studio."""

from __future__ import annotations

import csv
import json
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RUN = ("=", "+", "-", "@", "\t", "\r")  # what begins a cell that a spreadsheet would run as a formula
NOT_IN_NAMES = re.compile(r'[/\\:*?"<>|\x00-\x1f]')
UNLABELLED = "unlabelled"


@dataclass(frozen=True)
class SortedFile:
    """A picture with its label: a person's, or with a score the model's suggestion; without one nobody can tell."""

    path: Path
    label: str | None
    score: float | None = None
    known: bool | None = None


def write_folders(files: Sequence[SortedFile], folder: Path) -> None:
    """Copy the pictures into a folder for each label. Raises OSError."""
    used: set[Path] = set()
    for file in files:
        name = NOT_IN_NAMES.sub("_", file.label or UNLABELLED)
        target = folder / (f"_{name[1:]}" if name.startswith(".") else name) / file.path.name
        number = 2
        while target in used or target.exists():
            target = target.with_name(f"{file.path.stem}-{number}{file.path.suffix}")
            number += 1
        used.add(target)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(file.path, target)


def write_csv(files: Sequence[SortedFile], path: Path) -> None:
    """Write a line for each picture. Raises OSError."""
    with path.open("w", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(["file", "label", "by", "score", "known"])
        for file in files:
            score = "" if file.score is None else f"{file.score:.6f}"
            known = "" if file.known is None else str(file.known).lower()
            writer.writerow([_cell(str(file.path)), _cell(file.label or ""), _by(file), score, known])


def write_coco(files: Sequence[SortedFile], path: Path) -> None:
    """Write COCO's JSON, with an annotation that has no box for each labelled picture. Raises OSError."""
    labels = sorted({file.label for file in files if file.label})
    ids = {label: number for number, label in enumerate(labels, 1)}
    annotations = [
        {"id": number, "image_id": number, "category_id": ids[file.label], "by": _by(file), "score": file.score}
        for number, file in enumerate(files, 1)
        if file.label
    ]
    document = {
        "images": [{"id": number, "file_name": str(file.path)} for number, file in enumerate(files, 1)],
        "categories": [{"id": number, "name": label} for label, number in ids.items()],
        "annotations": annotations,
    }
    path.write_text(json.dumps(document, indent=1) + "\n")


def write_label_studio(files: Sequence[SortedFile], path: Path, model_id: str) -> None:
    """Write tasks for Label Studio: people's labels as annotations, the model's as predictions. Raises OSError."""
    path.write_text(json.dumps([_task(file, model_id) for file in files], indent=1) + "\n")


def _task(file: SortedFile, model_id: str) -> dict[str, Any]:
    task: dict[str, Any] = {"data": {"image": str(file.path)}}
    if file.label is None:
        return task
    choice = {"from_name": "choice", "to_name": "image", "type": "choices", "value": {"choices": [file.label]}}
    if file.score is None:
        return task | {"annotations": [{"result": [choice]}]}
    return task | {"predictions": [{"model_version": model_id, "score": file.score, "result": [choice]}]}


def _by(file: SortedFile) -> str:
    if file.label is None:
        return ""
    return "person" if file.score is None else "model"


def _cell(text: str) -> str:
    """Return the text such that a spreadsheet takes it as text."""
    return f"'{text}" if text.startswith(RUN) else text
