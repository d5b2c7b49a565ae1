"""Image files by class, from a folder of class folders, or from a zip or tar, which is never unpacked to disk."""

import io
import os
import sys
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path, PurePath, PurePosixPath
from typing import IO, TypeAlias, TypeVar

from tqdm import tqdm

from meta_training.errors import DataError
from models.inputs.formats import PREFIX, SUFFIXES, looks_like_picture

File: TypeAlias = tuple[str, str, bytes]  # an image's class, its path and its content
AnyPath = TypeVar("AnyPath", bound=PurePath)
DAMAGE = (OSError, EOFError, zlib.error, zipfile.BadZipFile, tarfile.TarError)


def image_files(source: Path) -> Iterator[File]:
    """Yield the images in a folder, zip or tar in order of path, without hidden ones.

    A class is named by its path within the source, so its name depends neither on where the source lies nor on a top
    folder around all classes. Raises DataError for what cannot be read, and for an image in no class folder.
    """
    if source.is_dir():
        paths = [file.relative_to(source) for file in source.rglob("*") if file.is_file()]
        yield from _files(source, paths, lambda path: (source / path).open("rb"))
    elif zipfile.is_zipfile(source):
        with _opened(source) as archive:
            entries = {PurePosixPath(entry.filename): entry for entry in archive.infolist() if not entry.is_dir()}
            yield from _files(source, entries, lambda path: archive.open(entries[path]))
    else:
        with _opened_tar(source) as tar:
            members = {PurePosixPath(member.name): member for member in _regular(source, tar)}
            yield from _files(source, members, lambda path: _extracted(tar, members[path]))


def _opened(source: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(source)
    except DAMAGE as error:
        raise DataError(f"{source} is a damaged zip archive ({error}). Replace it.") from error


def _opened_tar(source: Path) -> tarfile.TarFile:
    """Open an uncompressed tar; a compressed one would be unpacked from its start for each image."""
    try:
        return tarfile.open(source, "r:")
    except DAMAGE as error:
        raise DataError(f"{source} is no folder, zip or tar. Unpack a tar that is compressed (.tar.gz).") from error


def _regular(source: Path, tar: tarfile.TarFile) -> list[tarfile.TarInfo]:
    """Return the plain files of a tar: no links, and no sparse files, which may claim to be larger than the tar."""
    try:
        _check_end(source)
        return [member for member in tar if member.isreg() and not member.issparse()]
    except DAMAGE as error:
        raise DataError(f"{source} is a damaged tar archive ({error}). Replace it.") from error


def _check_end(source: Path) -> None:
    """Raise ReadError for a tar that is cut short; tarfile reads it as one with fewer files."""
    with source.open("rb") as file:
        file.seek(-tarfile.BLOCKSIZE, os.SEEK_END)
        if any(file.read()):
            raise tarfile.ReadError("it is cut short")


def _extracted(tar: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    return tar.extractfile(member) or io.BytesIO()


def _files(source: Path, paths: Iterable[AnyPath], opened: Callable[[AnyPath], IO[bytes]]) -> Iterator[File]:
    def read(path: AnyPath, size: int = -1) -> bytes:
        try:
            with opened(path) as file:
                return file.read(size)
        except (RuntimeError, *DAMAGE) as error:  # a RuntimeError: an encrypted zip
            raise DataError(f"{source / path} cannot be read ({error}). Replace or remove it.") from error

    images = sorted(path for path in paths if _is_image(path, read))
    wrapped = _are_wrapped(images)
    folders = {path: "/".join(path.parts[wrapped:-1]) for path in images}
    for path, folder in folders.items():
        if not folder:
            raise DataError(f"{source / path} lies beside the class folders, in none of them. Move or remove it.")
    for path, folder in folders.items():
        yield folder, str(source / path), read(path)


def _is_image(path: AnyPath, read: Callable[[AnyPath, int], bytes]) -> bool:
    """Say whether a file says it is a picture, or is one whatever it is called; tell of one that cannot be read."""
    if any(part.startswith(".") for part in path.parts):  # `._1.png` is macOS's note on `1.png`
        return False
    if path.suffix.lower() in SUFFIXES:
        return True
    try:
        return looks_like_picture(read(path, PREFIX)) is not None
    except DataError as error:
        tqdm.write(f"Left out: {error}", file=sys.stderr)
        return False


def _are_wrapped(images: Sequence[PurePath]) -> bool:
    """Return whether one top folder holds all class folders, as in an archive of a folder."""
    return len({path.parts[0] for path in images}) == 1 and any(len(path.parts) > 2 for path in images)
