"""Omniglot (Lake et al. 2015, MIT): 1623 characters of 50 alphabets, 20 drawings each, and the split kshot uses.

Reads `images_background` and `images_evaluation`, as the official zips or as the folders they unpack to.
"""

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from meta_training.datasets import ImageClasses, read_classes
from meta_training.errors import DataError
from models.preprocess import InputSpec

PARTS = ("images_background", "images_evaluation")
CHARACTERS = 1623
TRAINING, VALIDATION = 1100, 100
HELP = (
    "Download images_background.zip and images_evaluation.zip from github.com/brendenlake/omniglot "
    "(folder python/) into one folder and name it with --data or KSHOT_DATA."
)


@dataclass(frozen=True)
class Split:
    """Disjoint classes for training, for choosing (validation) and for the one final score (test)."""

    training: ImageClasses
    validation: ImageClasses
    test: ImageClasses


def read_omniglot(folder: Path, spec: InputSpec, *, progress: bool = False) -> ImageClasses:
    """All characters, named by their official path (`images_background/Arcadian/character01`).

    `folder` holds the two parts, or a folder `omniglot` that does. Raises DataError where they are missing or incomplete.
    """
    classes = read_classes([_part(folder, part) for part in PARTS], spec, progress=progress)
    if len(classes) != CHARACTERS:
        raise DataError(f"{folder} holds {len(classes)} of Omniglot's {CHARACTERS} characters. {HELP}")
    return classes


def _part(folder: Path, part: str) -> Path:
    candidates = [base / name for base in (folder, folder / "omniglot") for name in (part, f"{part}.zip")]
    for candidate in candidates:
        if candidate.exists():
            return candidate
    raise DataError(f"{part} is missing in {folder}. {HELP}")


def split(classes: ImageClasses, seed: int = 0) -> Split:
    """1100 training, 100 validation and 423 test characters, in the order of a hash of (seed, name).

    A hash, not a generator: the split is the same in every version of every library.
    """
    order = sorted(classes.names, key=lambda name: sha256(f"{seed}:{name}".encode()).hexdigest())
    held_out = TRAINING + VALIDATION
    parts = order[:TRAINING], order[TRAINING:held_out], order[held_out:]
    training, validation, test = (classes.subset(sorted(part)) for part in parts)
    return Split(training.with_rotations(), validation, test)
