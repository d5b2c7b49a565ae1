"""The classes that a run trains on, those it chooses by, and those it is scored on once."""

from collections import Counter
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from meta_training.data.image_classes import ImageClasses, read_classes
from meta_training.data.omniglot import HELP as OMNIGLOT_HELP
from meta_training.data.omniglot import is_omniglot, read_omniglot
from meta_training.data.texts import HELP as TEXTS_HELP
from meta_training.data.texts import INTENTS, intents_split, is_intents, read_texts
from meta_training.errors import DataError
from models.inputs.interface import Input

PARTS = ("train", "val", "test")  # Mini-ImageNet's folders, and those of any data set that comes split
HELP = (
    "For Mini-ImageNet, download the split of Ravi and Larochelle (2017): 64, 16 and 20 classes in the folders train, "
    "val and test, each with a folder of images for each class."
)
# Of the paper's 1200 training characters 100 are kept for validation; 423 of all 1623 are left for test.
OMNIGLOT_PARTS = 1100, 100
VALIDATION_SHARE, TEST_SHARE = 0.1, 0.2  # of the classes of any other data set; at least 2


@dataclass(frozen=True)
class Split:
    """Disjoint classes for training, for choosing (validation) and for the one final score (test)."""

    source: str
    seed: int
    training: ImageClasses
    validation: ImageClasses
    """May be empty."""
    test: ImageClasses

    def __str__(self) -> str:
        parts = f"{len(self.training)} to train on, {len(self.validation)} to choose by, {len(self.test)} to score on"
        return f"classes of {self.source}: {parts}"


def read_split(folder: Path, spec: Input, seed: int = 0, *, validation: bool = True, progress: bool = False) -> Split:
    """Read Omniglot, whose training classes are also turned, or any folder, zip or tar of class folders, and split it.

    Of texts: the intents, or any tables. Folders train, val and test are a split already, and so are the intents.
    Without `validation` its classes are trained on too, and the test classes stay the same. Raises DataError that says
    what is missing and where to get it.
    """
    classes = read_data(folder, spec, progress=progress)
    texts, known = spec.field == "texts", comes_split(folder, spec)
    if known and texts:
        training, held, test = intents_split(classes)
    elif is_split(classes):
        training, held, test = given_split(folder, classes)
    else:
        training, held, test = split(classes, *(OMNIGLOT_PARTS if known else _shares(len(classes))), seed)
    if not validation:
        training, held = classes.subset(sorted((*training.names, *held.names))), classes.subset(())
    if known and not texts:
        training = training.with_rotations()
    own = INTENTS if texts else "omniglot"
    return Split(own if known else folder.resolve().name, seed, training, held, test)


def comes_split(folder: Path, spec: Input) -> bool:
    """Return whether these are the data of a shipped checkpoint: Omniglot, or the intents."""
    return is_intents(folder) if spec.field == "texts" else is_omniglot(folder)


def _shares(classes: int) -> tuple[int, int]:
    held, test = (max(2, round(share * classes)) for share in (VALIDATION_SHARE, TEST_SHARE))
    return classes - held - test, held


def is_split(classes: ImageClasses) -> bool:
    """Return whether every class is in a folder train, val or test."""
    return all("/" in name and name.split("/")[0] in PARTS for name in classes.names)


def given_split(folder: Path, classes: ImageClasses) -> tuple[ImageClasses, ImageClasses, ImageClasses]:
    """Return the classes in the folders train, val and test.

    Raises DataError where a folder is missing, or where a class is in two of them: it would not be held out.
    """
    training, held, test = (classes.subset(n for n in classes.names if n.startswith(f"{part}/")) for part in PARTS)
    for part, found in zip(PARTS, (training, held, test), strict=True):
        if not found:
            raise DataError(f"{folder} has folders of a split, but no images in {part}. {HELP}")
    bare = Counter(name.partition("/")[2] for name in classes.names)
    name, times = bare.most_common(1)[0]
    if times > 1:
        raise DataError(
            f"{folder} has class {name!r} in {times} of its folders {', '.join(PARTS)}: training and test must "
            f"not share classes. Put all images of a class into one folder, and leave these three out. {HELP}"
        )
    return training, held, test


def read_data(folder: Path, spec: Input, *, progress: bool = False) -> ImageClasses:
    """Read all classes of Omniglot, or of a folder, zip or tar of class folders; of texts, those of tables.

    Raises DataError as `read_split`.
    """
    if not folder.exists() and spec.field == "texts":
        raise DataError(f"{folder} does not exist. {TEXTS_HELP}")
    if not folder.exists():
        raise DataError(
            f"{folder} does not exist. Name a folder, zip or tar of class folders by --data or KSHOT_DATA. "
            f"For Omniglot: {OMNIGLOT_HELP} {HELP}"
        )
    if spec.field == "texts":
        return read_texts(folder, spec, progress=progress)
    if is_omniglot(folder):
        return read_omniglot(folder, spec, progress=progress)
    return read_classes([folder], spec, progress=progress)


def split(
    classes: ImageClasses, training: int, validation: int, seed: int = 0
) -> tuple[ImageClasses, ImageClasses, ImageClasses]:
    """Split classes into training, validation, and the rest for test, in the order of a hash of (seed, name).

    By a hash the split is the same in every version of every library. Raises DataError where fewer than two would be
    left for test.
    """
    held_in = training + validation
    if training < 2 or len(classes) < held_in + 2:
        raise DataError(
            f"{len(classes)} classes are too few for training, validation and test: add some, there must be at least 6."
        )
    order = sorted(classes.names, key=lambda name: sha256(f"{seed}:{name}".encode()).hexdigest())
    parts = order[:training], order[training:held_in], order[held_in:]
    return tuple(classes.subset(sorted(part)) for part in parts)  # type: ignore[return-value]
