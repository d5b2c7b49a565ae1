"""The sweep of a directory: it deletes expired models, old records and what killed servers left."""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from app.store.directory.model_folder import IMAGES, RECORD, names, read_header, remove
from app.store.failures import Failures
from app.store.ids import ID
from app.store.interface import ABANDONED_SECONDS, PASS, RECORD_SECONDS, Swept
from app.store.model_file import SUFFIX
from app.store.records import is_too_new_to_forget
from models.atomic_file import TEMPORARY, locked, revision_of, temporary


@dataclass(frozen=True)
class _Expiry:
    """When the model of a file expires; once the revision is another, so may this be."""

    revision: str
    at: datetime | None

    @property
    def is_over(self) -> bool:
        return self.at is not None and self.at <= datetime.now(UTC)


class Sweeper:
    """Deletes the expired models of folders, and their leftovers.

    It remembers when each expires, as there may be thousands: a header is read once. For one thread at a time.
    """

    def __init__(self) -> None:
        self._expiries: dict[Path, _Expiry] = {}
        self._failures = Failures("the sweep leaves what it cannot read or delete")

    def sweep(self, folders: Iterable[Path]) -> Swept:
        """Look at all folders. What cannot be read or deleted is left for the next time, and keeps nothing else."""
        failed_before = self._failures.count
        self._learn([path for folder in folders for path in self._tidied(folder)])
        deleted = 0
        for path in [path for path, expiry in self._expiries.items() if expiry.is_over][:PASS]:
            with self._failures.alone(str(path)):
                deleted += self._delete(path)
        return Swept(deleted, self._failures.count - failed_before)

    def _learn(self, paths: list[Path]) -> None:
        """Find out when the models at these paths expire, and forget all others."""
        self._expiries = {path: self._expiries[path] for path in paths if path in self._expiries}
        unknown = [path for path in paths if path not in self._expiries]
        for path in sorted(unknown, key=lambda path: str(path) in self._failures)[:PASS]:
            with self._failures.alone(str(path)):
                revision = revision_of(path)  # before reading: at worst it is older than what is read, and read again
                self._expiries[path] = _Expiry(revision, read_header(path).record.expires_at)

    def _delete(self, path: Path) -> bool:
        """Say whether the model was deleted; one that was changed meanwhile is looked at again at the next sweep."""
        known = self._expiries.pop(path)
        with locked(path.parent):
            if revision_of(path) != known.revision:
                return False
            remove(path)
            return True

    def _tidied(self, folder: Path) -> list[Path]:
        """Return a folder's models, oldest first, after the removal of old leftovers there."""
        found: list[str] = []
        with self._failures.alone(str(folder)):
            found = sorted(names(folder))
        models = {name for name in found if name.endswith(SUFFIX)}
        leftovers = [name for name in found if _may_be_left(name, models)]
        now = _clock_of(folder) if leftovers else 0
        for name in leftovers:
            with self._failures.alone(str(folder / name)):
                _remove_old(folder / name, now)
        return [folder / name for name in sorted(models) if ID.fullmatch(name.removesuffix(SUFFIX))]


def _may_be_left(name: str, models: set[str]) -> bool:
    lonely = name.endswith(IMAGES) and name.removesuffix(IMAGES) + SUFFIX not in models
    return lonely or name.endswith((TEMPORARY, RECORD))


def _clock_of(folder: Path) -> float:
    """Return the time that new files are given there: a shared folder has another machine's clock."""
    with suppress(OSError), temporary(folder / "clock") as probe:
        probe.touch()
        return probe.stat().st_mtime
    return time.time()  # of a full disk


def _remove_old(path: Path, now: float) -> None:
    is_record = path.suffix == RECORD
    if path.stat().st_mtime >= now - (RECORD_SECONDS if is_record else ABANDONED_SECONDS):
        return
    if not (is_record and is_too_new_to_forget(path.read_bytes())):
        path.unlink()
