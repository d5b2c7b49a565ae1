"""Which classes a run trains on, chooses by, and is scored on once."""

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from meta_training.datasets import ImageClasses, read_classes
from meta_training.errors import DataError
from meta_training.omniglot import HELP, is_omniglot, read_omniglot
from models.preprocess import InputSpec

OMNIGLOT_PARTS = (
    1100,
    100,
)  # the paper's 1200 training characters, 100 of them kept for validation; 423 are left for test
VALIDATION_SHARE, TEST_SHARE = 0.1, 0.2  # of the classes of any other data set, 2 at the least


@dataclass(frozen=True)
class Split:
    """Disjoint classes for training, for choosing (validation) and for the one final score (test)."""

    source: str
    seed: int
    training: ImageClasses
    validation: ImageClasses
    """May be none."""
    test: ImageClasses


def read_split(
    folder: Path, spec: InputSpec, seed: int = 0, *, validation: bool = True, progress: bool = False
) -> Split:
    """Omniglot's two parts, whose training classes are also turned, or any folder or zip of class folders.

    Without `validation` its classes are trained on too, and the test classes are the same. Raises DataError that says
    what is missing and where to get it.
    """
    classes = read_data(folder, spec, progress=progress)
    if is_omniglot(folder):
        source, sizes = "omniglot", OMNIGLOT_PARTS
    else:
        kept, test = (max(2, round(share * len(classes))) for share in (VALIDATION_SHARE, TEST_SHARE))
        source, sizes = folder.resolve().name, (len(classes) - kept - test, kept)
    if not validation:
        sizes = sum(sizes), 0
    parts = split(classes, *sizes, seed)
    training = parts[0].with_rotations() if source == "omniglot" else parts[0]
    return Split(source, seed, training, *parts[1:])


def read_data(folder: Path, spec: InputSpec, *, progress: bool = False) -> ImageClasses:
    """All classes of Omniglot, or of a folder or zip of class folders. Raises DataError as `read_split` does."""
    if not folder.exists():
        raise DataError(
            f"{folder} does not exist. Name a folder of class folders by --data or KSHOT_DATA. For Omniglot: {HELP}"
        )
    if is_omniglot(folder):
        return read_omniglot(folder, spec, progress=progress)
    return read_classes([folder], spec, progress=progress)


def split(
    classes: ImageClasses, training: int, validation: int, seed: int = 0
) -> tuple[ImageClasses, ImageClasses, ImageClasses]:
    """Classes for training, for validation, and the rest for test, in the order of a hash of (seed, name).

    A hash, not a generator: the split is the same in every version of every library. Raises DataError where nothing
    would be left for test.
    """
    held_in = training + validation
    if training < 2 or len(classes) < held_in + 2:
        raise DataError(
            f"{len(classes)} classes are too few for training, validation and test; add some: 6 are the least."
        )
    order = sorted(classes.names, key=lambda name: sha256(f"{seed}:{name}".encode()).hexdigest())
    parts = order[:training], order[training:held_in], order[held_in:]
    return tuple(classes.subset(sorted(part)) for part in parts)  # type: ignore[return-value]
