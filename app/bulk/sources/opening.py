"""Which source is meant by what the user gave."""

from __future__ import annotations

import tarfile
import zipfile
from pathlib import Path

from app.bulk.errors import SourceUnreadable
from app.bulk.sources.archives import CompressedTarSource, TarSource, ZipSource
from app.bulk.sources.files import FolderSource, GlobSource, ListSource
from app.bulk.sources.interface import Source

KINDS = "a folder, a pattern as 'photos/**/*.jpg', a zip or tar, a CSV with a column `path`, or s3://bucket/prefix"


def open_source(name: str, output: Path, seconds: float, encoding: str | None = None) -> Source:
    """Return the source of this name, which leaves `output` out. Raises SourceUnreadable.

    A request for a bucket may take so many seconds; `encoding` is that of a zip's names where it doesn't say.
    """
    if name.startswith("s3://"):
        return _bucket(name, seconds)
    path = Path(name)
    if path.is_dir():
        return FolderSource(name, output)
    if path.is_file():
        return _file(name, path, encoding)
    if any(letter in name for letter in "*?["):
        return GlobSource(name, output)
    raise SourceUnreadable(f"There is nothing at {name}. Give {KINDS}.")


def _bucket(name: str, seconds: float) -> Source:
    try:
        from app.bulk.sources.bucket import BucketSource
    except ImportError as error:
        raise SourceUnreadable(f"{name} needs the package obstore: pip install 'kshot[s3]'.") from error
    return BucketSource(name, seconds)


def _file(name: str, path: Path, encoding: str | None) -> Source:
    try:
        if zipfile.is_zipfile(path):
            return ZipSource(name, encoding)
        if tarfile.is_tarfile(path):
            return TarSource(name) if _is_plain(path) else CompressedTarSource(name)
    except OSError as error:
        raise SourceUnreadable(f"{name} cannot be read ({error.strerror}).") from error
    if path.suffix.lower() == ".csv":
        return ListSource(name)
    raise SourceUnreadable(f"{name} is neither a zip nor a tar, and its name doesn't end in .csv. Give {KINDS}.")


def _is_plain(path: Path) -> bool:
    try:
        with tarfile.open(path, "r:"):
            return True
    except tarfile.TarError:
        return False
