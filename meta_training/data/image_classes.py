"""Images by class, in memory as uint8, read from folders, zips or tars of class folders."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from meta_training.data.sources import File, image_files
from meta_training.errors import DataError
from models.inputs.interface import Input
from models.inputs.picture_file import whole_picture

COLOURS = 3


def in_colour(source: Input) -> bool:
    """Say whether an input takes images in colour."""
    return source.field == "images" and source.example[0] == COLOURS


@dataclass(frozen=True)
class ImageClasses:
    """Named classes of images: `images[c]` is uint8 [K, C, H, W], or float16 [K, ...] once encoded.

    `frames[c]` [P, V, ...] are V further views of each of the first P of them; empty where there are none.
    """

    names: tuple[str, ...]
    images: tuple[NDArray[Any], ...]
    frames: tuple[NDArray[Any], ...] = ()

    def __len__(self) -> int:
        return len(self.names)

    def subset(self, names: Iterable[str]) -> "ImageClasses":
        """Return the classes with these names, in this order."""
        place = {name: index for index, name in enumerate(self.names)}
        chosen = tuple(names)
        return ImageClasses(chosen, tuple(self.images[place[name]] for name in chosen))

    def of_domains(self, domains: Sequence[str]) -> "ImageClasses":
        """Return the classes of these domains, all where none are named. Raises DataError for one that isn't there."""
        there = self.by_domain()
        for domain in domains:
            if domain not in there:
                raise DataError(f"There is no domain {domain!r}. There are {', '.join(there)}.")
        return self.subset(name for domain in domains or there for name in there[domain].names)

    def by_domain(self) -> dict[str, "ImageClasses"]:
        """Return the classes of each domain, which is the first folder of a class's path."""
        names: dict[str, list[str]] = defaultdict(list)
        for name in self.names:
            names[name.partition("/")[0]].append(name)
        return {domain: self.subset(own) for domain, own in names.items()}

    def with_rotations(self) -> "ImageClasses":
        """Return each class four times, turned by 0, 90, 180 and 270 degrees: a turned class is a new one."""
        names = [f"{name}@{90 * turn}" if turn else name for turn in range(4) for name in self.names]
        images = [np.rot90(pictures, turn, axes=(2, 3)).copy() for turn in range(4) for pictures in self.images]
        return ImageClasses(tuple(names), tuple(images))

    def require(self, ways: int, shots: int) -> None:
        """Raise DataError where the classes are too few or too small for episodes of this size."""
        if len(self) < ways:
            raise DataError(
                f"{ways}-way episodes need {ways} classes; there are {len(self)} ({', '.join(self.names[:3])}). "
                "Add classes or ask for fewer ways."
            )
        least = min(range(len(self)), key=lambda index: len(self.images[index]))
        if len(self.images[least]) < shots:
            raise DataError(
                f"Episodes need {shots} images a class; {self.names[least]!r} has {len(self.images[least])}. "
                "Add images or ask for fewer shots."
            )


def read_classes(sources: Iterable[Path], spec: Input, *, progress: bool = False) -> ImageClasses:
    """Read every class folder of these folders, zips and tars; a class is named by its path within its source.

    Raises DataError for a source that is missing, an image that cannot be read, or no images at all.
    """
    return decode((file for source in sources for file in image_files(source)), spec, progress=progress)


def decode(files: Iterable[File], spec: Input, *, progress: bool = False) -> ImageClasses:
    """Read image files as classes, in order of name. Raises DataError for one that cannot be read, or for no files."""
    classes: dict[str, list[NDArray[np.uint8]]] = defaultdict(list)
    for name, path, content in tqdm(files, desc="reading images", unit="image", disable=not progress, leave=False):
        classes[name].append(_decode(content, path, spec))
    if not classes:
        raise DataError(
            "No images found: expected folders of images, one folder a class, or a zip or tar of such folders."
        )
    names = tuple(sorted(classes))
    return ImageClasses(names, tuple(np.stack(classes.pop(name)) for name in names))


def _decode(content: bytes, path: str, spec: Input) -> NDArray[Any]:
    try:
        return spec.prepare(whole_picture(content)).numpy()
    except Exception as error:  # Pillow raises errors of almost any type on damaged files
        raise DataError(f"{path} is not an image that can be read ({error}). Replace or remove it.") from error
