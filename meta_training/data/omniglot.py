"""Omniglot (Lake et al. 2015, MIT): 1623 characters of 50 alphabets, 20 drawings each.

Reads `images_background` and `images_evaluation`, as the official zips or as the folders they unpack to.
"""

from collections.abc import Iterator
from pathlib import Path

from meta_training.data.image_classes import ImageClasses, decode
from meta_training.data.sources import File, image_files
from meta_training.errors import DataError
from models.inputs.interface import Input

PARTS = ("images_background", "images_evaluation")
CHARACTERS = 1623
HELP = (
    "Download images_background.zip and images_evaluation.zip from github.com/brendenlake/omniglot "
    "(folder python/) into one folder and name it with --data or KSHOT_DATA."
)


def read_omniglot(folder: Path, spec: Input, *, progress: bool = False) -> ImageClasses:
    """Read all characters, named by their official path (`images_background/Arcadian/character01`).

    `folder` holds the two parts, or a folder `omniglot` that does. Raises DataError where any of it is missing.
    """
    classes = decode(character_files(folder), spec, progress=progress)
    if len(classes) != CHARACTERS:
        raise DataError(f"{folder} holds {len(classes)} of Omniglot's {CHARACTERS} characters. {HELP}")
    return classes


def is_omniglot(folder: Path) -> bool:
    """Return whether a folder holds one of Omniglot's two parts."""
    return any(_places(folder, part) for part in PARTS)


def _places(folder: Path, part: str) -> list[Path]:
    candidates = [base / name for base in (folder, folder / "omniglot") for name in (part, f"{part}.zip")]
    return [candidate for candidate in candidates if candidate.exists()]


def character_files(folder: Path) -> Iterator[File]:
    """Yield every drawing, its character named by its official path. Raises DataError where a part is missing."""
    sources = {part: _part(folder, part) for part in PARTS}
    for part, source in sources.items():
        for name, path, content in image_files(source):
            yield f"{part}/{name}", path, content


def _part(folder: Path, part: str) -> Path:
    places = _places(folder, part)
    if not places:
        raise DataError(f"{part} is missing in {folder}. {HELP}")
    return places[0]
