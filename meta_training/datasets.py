"""Images by class, held in memory as uint8: from folders or zips of class folders."""

import zipfile
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from tqdm import tqdm

from meta_training.errors import DataError
from models.preprocess import IMAGE_SUFFIXES, InputSpec, prepare


@dataclass(frozen=True)
class ImageClasses:
    """Named classes of images: `images[c]` is uint8 [K, C, H, W]."""

    names: tuple[str, ...]
    images: tuple[NDArray[np.uint8], ...]

    def __len__(self) -> int:
        return len(self.names)

    def subset(self, names: Iterable[str]) -> "ImageClasses":
        """The classes with these names, in this order."""
        place = {name: index for index, name in enumerate(self.names)}
        chosen = tuple(names)
        return ImageClasses(chosen, tuple(self.images[place[name]] for name in chosen))

    def with_rotations(self) -> "ImageClasses":
        """Each class four times: as it is and turned by 90, 180 and 270 degrees, which makes new classes."""
        names = [f"{name}@{90 * turn}" if turn else name for turn in range(4) for name in self.names]
        images = [np.rot90(pictures, turn, axes=(2, 3)).copy() for turn in range(4) for pictures in self.images]
        return ImageClasses(tuple(names), tuple(images))

    def require(self, ways: int, shots: int) -> None:
        """Raises DataError where episodes of this size cannot be drawn from these classes."""
        if len(self) < ways:
            raise DataError(
                f"{ways}-way episodes need {ways} classes; there are {len(self)}. Add classes or ask for fewer ways."
            )
        least = min(range(len(self)), key=lambda index: len(self.images[index]))
        if len(self.images[least]) < shots:
            raise DataError(
                f"Episodes need {shots} images a class; {self.names[least]!r} has {len(self.images[least])}. "
                "Add images or ask for fewer shots."
            )


def read_classes(sources: Iterable[Path], spec: InputSpec, *, progress: bool = False) -> ImageClasses:
    """Every class folder below these folders and zips; a class is named by its path from the source, its name included.

    Raises DataError for a source that is missing, an image that cannot be read, or no images at all.
    """
    classes: dict[str, list[NDArray[np.uint8]]] = defaultdict(list)
    files = (file for source in sources for file in image_files(source))
    for name, path, stream in tqdm(files, desc="reading images", unit="image", disable=not progress, leave=False):
        classes[name].append(_decode(stream, path, spec))
    if not classes:
        raise DataError("No images found: expected folders of images, one folder a class, or zips of such folders.")
    names = tuple(sorted(classes))
    return ImageClasses(names, tuple(np.stack(classes[name]) for name in names))


def image_files(source: Path) -> Iterator[tuple[str, str, IO[bytes]]]:
    """(class, path, open file) of each image in a folder or zip, in order of path."""
    if source.is_dir():
        for file in sorted(source.rglob("*")):
            if file.suffix.lower() in IMAGE_SUFFIXES:
                with file.open("rb") as stream:
                    yield f"{source.name}/{file.parent.relative_to(source).as_posix()}", str(file), stream
    elif zipfile.is_zipfile(source):
        with zipfile.ZipFile(source) as archive:
            for entry in sorted(archive.namelist()):
                path = PurePosixPath(entry)
                if path.suffix.lower() in IMAGE_SUFFIXES and path.parts[0] != "__MACOSX":
                    with archive.open(entry) as stream:
                        yield path.parent.as_posix(), f"{source}/{entry}", stream
    else:
        raise DataError(f"{source} is neither a folder nor a zip archive.")


def _decode(stream: IO[bytes], path: str, spec: InputSpec) -> NDArray[Any]:
    try:
        with Image.open(stream) as image:
            return prepare(image, spec).numpy()
    except (UnidentifiedImageError, OSError) as error:
        raise DataError(f"{path} is not an image that can be read ({error}). Replace or remove it.") from error
