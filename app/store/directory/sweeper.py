"""What a directory loses with time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from app.errors import RecordError
from app.store.directory.files import locked, revision_of
from app.store.directory.model_folder import IMAGES, RECORD, names, read_header, remove
from app.store.failures import DAMAGES, FailureLog
from app.store.ids import ID
from app.store.interface import ABANDONED_SECONDS, PASS, RECORD_SECONDS
from app.store.model_file import SUFFIX
from app.store.records import is_too_new_to_forget
from models.atomic_file import TEMPORARY, temporary


@dataclass(frozen=True)
class _Expiry:
    """When the model of a file expires; the file is another once its revision is."""

    revision: str
    at: datetime | None

    @property
    def is_over(self) -> bool:
        return self.at is not None and self.at <= datetime.now(UTC)


class Sweeper:
    """Deletes the expired models of folders.

    It remembers when each expires, as there may be thousands: a header is read once. For one thread at a time.
    """

    def __init__(self) -> None:
        self._expiries: dict[Path, _Expiry] = {}
        self._failures = FailureLog()

    def sweep(self, folders: Iterable[Path]) -> int:
        """Return how many models were deleted. Raises OSError if a folder cannot be read."""
        self._learn([path for folder in folders for path in _models(folder)])
        expired = [path for path, expiry in self._expiries.items() if expiry.is_over]
        return sum(self._try(self._delete, path) for path in expired[:PASS])

    def _learn(self, paths: list[Path]) -> None:
        """Find out when these expire, and forget all others."""
        self._failures.forget_all_but(set(map(str, paths)))
        self._expiries = {path: self._expiries[path] for path in paths if path in self._expiries}
        unknown = [path for path in paths if path not in self._expiries]
        for path in sorted(unknown, key=lambda path: str(path) in self._failures)[:PASS]:
            self._try(self._learn_one, path)

    def _learn_one(self, path: Path) -> bool:
        revision = revision_of(path)  # before reading: at worst it is older than what is read, and read again
        self._expiries[path] = _Expiry(revision, read_header(path).record.expires_at)
        return True

    def _delete(self, path: Path) -> bool:
        """Say whether the model was deleted; it is looked at again if another server has changed it meanwhile."""
        known = self._expiries.pop(path)
        with locked(path.parent):
            if revision_of(path) != known.revision:
                return False
            remove(path)
            return True

    def _try(self, work: Callable[[Path], bool], path: Path) -> bool:
        """Return what the work does, or False if it fails: the file is left for the next time."""
        try:
            return work(path)
        except FileNotFoundError:  # another server was quicker
            return False
        except (OSError, RecordError, *DAMAGES) as error:
            self._failures.tell("the sweep leaves a model that it cannot read or delete", str(path), error)
            return False


def _models(folder: Path) -> list[Path]:
    """A folder's models, oldest first, after the removal of old leftovers there."""
    found = sorted(names(folder))
    models = {name for name in found if name.endswith(SUFFIX)}
    leftovers = [name for name in found if _may_be_left(name, models)]
    now = _clock_of(folder) if leftovers else 0
    for name in leftovers:
        path = folder / name
        if name.endswith(RECORD):
            _remove_old_record(path, now - RECORD_SECONDS)
        else:
            _remove_old(path, now - ABANDONED_SECONDS)
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


def _remove_old_record(path: Path, oldest: float) -> None:
    with suppress(FileNotFoundError):  # another server was quicker
        if path.stat().st_mtime < oldest and not is_too_new_to_forget(path.read_bytes()):
            path.unlink()
