"""Texts by class, from tables with the columns text and label; and the intents that `text` is trained on.

The intents are a folder with clinc150.csv (Larson et al. 2019, CC BY 3.0), clinc150-domains.json, which says which of
its classes are of which domain, banking77.csv (Casanueva et al. 2020, CC BY 4.0) and hwu64.csv (Liu et al. 2019, CC BY
4.0), or the folder that it lies in.
"""

import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from meta_training.data.image_classes import ImageClasses
from meta_training.errors import DataError
from models.errors import TableError
from models.inputs.interface import Input
from models.tables.texts import read_rows

INTENTS = "intents"
"""What their split is called."""
CLINC150, DOMAINS, TESTS = "clinc150", "clinc150-domains.json", ("banking77", "hwu64")
TRAINING = ("home", "auto_and_commute", "kitchen_and_dining", "travel", "utility")
VALIDATION = ("work", "small_talk", "meta")
"""Domains of CLINC150. Its banking and credit cards are in neither: they are what BANKING77 is about."""
OUT_OF_SCOPE = "oos"
"""The label of CLINC150's queries that are of no class."""
TERMS = {
    "clinc150": "CLINC150, crowdsourced queries; CC BY 3.0",
    "banking77": "BANKING77, customers' questions; CC BY 4.0",
    "hwu64": "HWU64, crowdsourced queries; CC BY 4.0",
}
SUFFIXES = {".csv", ".tsv", ".jsonl", ".ndjson", ".json"}
HELP = "Name a table with the columns text and label, or a folder of such, a table for each domain."


def is_intents(folder: Path) -> bool:
    """Return whether a folder holds the intents, or a folder `intents` that does."""
    return _intents(folder) is not None


def read_texts(source: Path, spec: Input, *, progress: bool = False) -> ImageClasses:
    """Read a table, or all tables of a folder; a class is named by its table, or CLINC150's domain, and its label.

    Raises DataError for a table that cannot be read, or none at all.
    """
    folder = _intents(source)
    tables = sorted(each for each in (folder or source).iterdir() if _is_table(each)) if source.is_dir() else [source]
    domains = _domains(folder) if folder else {}
    classes: dict[str, list[NDArray[np.uint8]]] = defaultdict(list)
    for table, label, text in tqdm(
        _texts(tables), desc="reading texts", unit="text", disable=not progress, leave=False
    ):
        if not (folder and label == OUT_OF_SCOPE):
            domain = domains.get(label, table.stem) if table.stem == CLINC150 else table.stem
            classes[f"{domain}/{label}"].append(_prepared(table, text, spec))
    if not classes:
        raise DataError(f"{source} holds no tables of texts. {HELP}")
    names = tuple(sorted(classes))
    return ImageClasses(names, tuple(np.stack(classes[name]) for name in names))


def intents_split(classes: ImageClasses) -> tuple[ImageClasses, ImageClasses, ImageClasses]:
    """Return the intents' classes for training, for choosing, and for the one final score."""
    parts = (TRAINING, VALIDATION, TESTS)
    return tuple(classes.of_domains(part) for part in parts)  # type: ignore[return-value]


def out_of_scope(folder: Path) -> list[str]:
    """Return CLINC150's test queries that are of no class."""
    path = (_intents(folder) or folder) / f"{CLINC150}.csv"
    rows = read_rows(path.read_bytes(), labelled=True)
    return [row.text for row in rows if row.label == OUT_OF_SCOPE]


def _intents(folder: Path) -> Path | None:
    return next((each for each in (folder, folder / INTENTS) if (each / DOMAINS).is_file()), None)


def _is_table(path: Path) -> bool:
    return path.is_file() and path.suffix.lower() in SUFFIXES and path.name != DOMAINS


def _domains(folder: Path) -> dict[str, str]:
    """Return the domain of each of CLINC150's classes."""
    try:
        found = json.loads((folder / DOMAINS).read_text())
        return {label: domain for domain, labels in found.items() for label in labels}
    except (OSError, ValueError, AttributeError) as error:
        raise DataError(f"{folder / DOMAINS} cannot be read ({error}). Fetch it anew.") from error


def _texts(tables: list[Path]) -> Iterator[tuple[Path, str, str]]:
    for path in tables:
        try:
            rows = read_rows(path.read_bytes(), labelled=True)
        except OSError as error:
            raise DataError(f"{path} cannot be read ({error}). {HELP}") from error
        except TableError as error:
            raise DataError(f"{path} {error} {HELP}") from error
        yield from ((path, row.label, row.text) for row in rows)


def _prepared(path: Path, text: str, spec: Input) -> NDArray[Any]:
    try:
        return spec.prepare(text).numpy()
    except ValueError as error:
        raise DataError(f"{path} has the text {text!r:.60}: {error}. Shorten it or take it out.") from error
