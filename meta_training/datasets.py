"""Images by class, held in memory as uint8: from folders or zips of class folders."""

import io
import zipfile
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath, PurePosixPath
from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm

from meta_training.errors import DataError
from models.preprocess import IMAGE_SUFFIXES, InputSpec, prepare

File: TypeAlias = tuple[str, str, bytes]  # an image's class, its path and its content
AnyPath = TypeVar("AnyPath", bound=PurePath)


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
    """Every class folder of these folders and zips; a class is named by its path within its source.

    Raises DataError for a source that is missing, an image that cannot be read, or no images at all.
    """
    return decode((file for source in sources for file in image_files(source)), spec, progress=progress)


def decode(files: Iterable[File], spec: InputSpec, *, progress: bool = False) -> ImageClasses:
    """Image files as classes, in order of name. Raises DataError for one that cannot be read, or for no files."""
    classes: dict[str, list[NDArray[np.uint8]]] = defaultdict(list)
    for name, path, content in tqdm(files, desc="reading images", unit="image", disable=not progress, leave=False):
        classes[name].append(_decode(content, path, spec))
    if not classes:
        raise DataError("No images found: expected folders of images, one folder a class, or zips of such folders.")
    names = tuple(sorted(classes))
    return ImageClasses(names, tuple(np.stack(classes[name]) for name in names))


def image_files(source: Path) -> Iterator[File]:
    """Each image in a folder or zip, in order of path, but hidden ones.

    A class has the same name however the source is spelled and wherever it lies; a folder or zip and a zip that wraps
    it in one folder more are alike. Raises DataError for what cannot be read, and for an image in no class folder.
    """
    if source.is_dir():
        paths = [file.relative_to(source) for file in source.rglob("*") if file.is_file()]
        yield from _files(source, paths, lambda path: (source / path).read_bytes())
    elif zipfile.is_zipfile(source):
        with _opened(source) as archive:
            entries = {PurePosixPath(entry.filename): entry for entry in archive.infolist() if not entry.is_dir()}
            yield from _files(source, entries, lambda path: archive.read(entries[path]))
    else:
        raise DataError(f"{source} is neither a folder nor a zip archive.")


def _opened(source: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(source)
    except (OSError, zipfile.BadZipFile) as error:
        raise DataError(f"{source} is a damaged zip archive ({error}). Replace it.") from error


def _files(source: Path, paths: Iterable[AnyPath], read: Callable[[AnyPath], bytes]) -> Iterator[File]:
    images = sorted(path for path in paths if _is_image(path))
    wrapped = _are_wrapped(images)
    folders = {path: "/".join(path.parts[wrapped:-1]) for path in images}
    for path, folder in folders.items():
        if not folder:
            raise DataError(f"{source / path} lies beside the class folders, in none. Move or remove it.")
    for path, folder in folders.items():
        try:
            content = read(path)
        except (OSError, RuntimeError, EOFError, zlib.error, zipfile.BadZipFile) as error:  # Runtime: encrypted
            raise DataError(f"{source / path} cannot be read ({error}). Replace or remove it.") from error
        yield folder, str(source / path), content


def _is_image(path: PurePath) -> bool:
    hidden = any(part.startswith(".") for part in path.parts)  # `._1.png` is macOS's note on `1.png`
    return path.suffix.lower() in IMAGE_SUFFIXES and not hidden


def _are_wrapped(images: Sequence[PurePath]) -> bool:
    """Whether one top folder holds all class folders, as where a folder was packed and not what is in it."""
    return len({path.parts[0] for path in images}) == 1 and any(len(path.parts) > 2 for path in images)


def _decode(content: bytes, path: str, spec: InputSpec) -> NDArray[Any]:
    try:
        with Image.open(io.BytesIO(content)) as image:
            return prepare(image, spec).numpy()
    except Exception as error:  # on damaged files Pillow raises about any type there is
        raise DataError(f"{path} is not an image that can be read ({error}). Replace or remove it.") from error
