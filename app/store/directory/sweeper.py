"""What a directory loses with time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from app.store.directory.files import locked
from app.store.directory.model_folder import IMAGES, RECORD, names, read_header, remove
from app.store.failures import DAMAGES, log
from app.store.ids import ID
from app.store.interface import ABANDONED_SECONDS, PASS, RECORD_SECONDS
from app.store.model_file import SUFFIX
from models.atomic_file import TEMPORARY, temporary


class Sweeper:
    """Deletes the expired models of folders.

    It remembers when each expires, as there may be thousands: a header is read once. For one thread at a time.
    """

    def __init__(self) -> None:
        self._expiries: dict[Path, datetime | None] = {}
        self._failed: set[Path] = set()

    def sweep(self, folders: Iterable[Path]) -> int:
        """How many it deleted. Raises OSError if a folder cannot be read."""
        self._learn([path for folder in folders for path in _models(folder)])
        now = datetime.now(UTC)
        expired = [path for path, expiry in self._expiries.items() if expiry is not None and expiry <= now]
        return sum(self._try(remove_alone, path) for path in expired[:PASS])

    def _learn(self, paths: list[Path]) -> None:
        """When these expire, and no others."""
        self._failed &= set(paths)
        self._expiries = {path: self._expiries[path] for path in paths if path in self._expiries}
        unknown = (path for path in paths if path not in self._expiries)
        for path in islice(sorted(unknown, key=self._failed.__contains__), PASS):
            self._try(self._learn_one, path)

    def _learn_one(self, path: Path) -> None:
        self._expiries[path] = read_header(path).record.expires_at

    def _try(self, work: Callable[[Path], None], path: Path) -> bool:
        """Whether it could be done; one that fails is left for the next time."""
        try:
            work(path)
        except FileNotFoundError:  # another server was quicker
            return False
        except (OSError, *DAMAGES) as error:
            if path not in self._failed:
                log.warning("the sweep leaves a model that it cannot read or delete", path=str(path), error=str(error))
            self._failed.add(path)
            return False
        return True


def remove_alone(path: Path) -> None:
    """A model's files."""
    with locked(path.parent):
        remove(path)


def _models(folder: Path) -> list[Path]:
    """A folder's models, oldest first, after the removal of old leftovers there."""
    found = sorted(names(folder))
    models = {name for name in found if name.endswith(SUFFIX)}
    leftovers = [name for name in found if _may_be_left(name, models)]
    now = _clock_of(folder) if leftovers else 0
    for name in leftovers:
        _remove_old(folder / name, now - (RECORD_SECONDS if name.endswith(RECORD) else ABANDONED_SECONDS))
    return [folder / name for name in sorted(models) if ID.fullmatch(name.removesuffix(SUFFIX))]


def _may_be_left(name: str, models: set[str]) -> bool:
    lonely = name.endswith(IMAGES) and name.removesuffix(IMAGES) + SUFFIX not in models
    return lonely or name.endswith((TEMPORARY, RECORD))


def _clock_of(folder: Path) -> float:
    """The time that new files are given there: ours may have been set, and a shared folder has another machine's."""
    with suppress(OSError), temporary(folder / "clock") as probe:
        probe.touch()
        return probe.stat().st_mtime
    return time.time()  # of a full disk


def _remove_old(path: Path, oldest: float) -> None:
    with suppress(FileNotFoundError):  # written to its end meanwhile
        if path.stat().st_mtime < oldest:
            path.unlink()
