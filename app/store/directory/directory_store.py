"""The store of a local directory."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from app.errors import ModelDamaged, ModelNotFound, RecordOutdated, RecordTooNew, StoreUnavailable
from app.store.directory.model_folder import (
    IMAGES,
    RECORD,
    RECORDS,
    forget,
    ids_before,
    make_folder,
    read_header,
    remove,
    remove_lonely,
    sizes,
)
from app.store.directory.sweeper import Sweeper
from app.store.failures import DAMAGES, Failures, left_by_newer, not_found, reaching, usable
from app.store.ids import ID, check_record, check_tenant, new_id
from app.store.interface import ModelKey, Stored, Swept, Usage, is_expired
from app.store.model_file import SUFFIX, encode, tensors_of
from app.store.records import ModelRecord
from models.atomic_file import flush, locked, revision_of, temporary, write

TENANT_FOLDER = "tenant-"  # followed by the tenant's name


class DirectoryStore:
    """The Store of a local directory, or of one that several machines share and can lock.

    A model is one file, there as a whole or not at all: it is written beside its place, flushed and renamed. The models
    of each tenant are in a folder of their own. So are records, which would make that folder slow to list.
    Raises StoreUnavailable for a directory that cannot be written to.
    """

    fresh_seconds = 0.0

    def __init__(self, directory: Path) -> None:
        self.directory = self._root = directory
        self._sweeper = Sweeper()
        self._unlisted = Failures("lists leave out models that this server cannot read")
        try:
            directory.mkdir(parents=True, exist_ok=True)
            with temporary(directory / new_id()) as probe:
                probe.touch()
        except OSError as error:
            reason = error.strerror or error
            raise StoreUnavailable(
                f"{directory} cannot be written to ({reason}). Set KSHOT_STORE to one that can."
            ) from error

    def of(self, tenant: str) -> DirectoryStore:
        """See Store. Leaves the disk alone, as it is called where nothing may block."""
        view = copy(self)
        view.directory = self._folder(tenant)
        return view

    def put(self, stored: Stored, images: bytes | None = None) -> Stored:
        """See Store."""
        path = self._path(stored.record.id)
        with self._usable(), temporary(path) as model_file, temporary(path) as images_file:
            write(model_file, encode(stored))
            if images is not None:
                write(images_file, images)
            revision = revision_of(model_file)
            with locked(self.directory):
                if path.exists():
                    return self.get(stored.record.id)
                if images is not None:  # first: the model is there when all is
                    images_file.replace(path.with_suffix(IMAGES))
                model_file.replace(path)
            flush(self.directory)
        return replace(stored, revision=revision)

    def update(self, model_id: str, change: Callable[[ModelRecord], ModelRecord]) -> ModelRecord:
        """See Store."""
        path = self._path(model_id)
        with self._usable(), locked(self.directory):
            stored = self.get(model_id)
            changed = replace(stored, record=change(stored.record))
            with temporary(path) as file:
                write(file, encode(changed))
                file.replace(path)
            flush(self.directory)
        return changed.record

    def revisions(self, keys: Iterable[ModelKey]) -> list[str | None]:
        """See Store."""
        return [self._revision(tenant, model_id) for tenant, model_id in keys]

    def get(self, model_id: str) -> Stored:
        """See Store."""
        path = self._path(model_id)
        with reaching(model_id):
            revision = revision_of(path)  # before reading: at worst it is older than what is read, and read again
            return Stored(self.describe(model_id), tensors_of(path.read_bytes()), revision)

    def images(self, model_id: str) -> BinaryIO:
        """See Store."""
        with reaching(model_id):
            return self._path(model_id).with_suffix(IMAGES).open("rb")

    def describe(self, model_id: str) -> ModelRecord:
        """See Store."""
        path = self._path(model_id)
        with reaching(model_id):
            record = read_header(path).record
        if is_expired(record):
            raise not_found(model_id)
        return record

    def delete(self, model_id: str) -> None:
        """See Store."""
        path = self._path(model_id)
        with self._usable(), locked(self.directory), reaching(model_id):
            expired = self._is_expired(path)
            remove(path)
            flush(self.directory)
        if expired:
            raise not_found(model_id)  # as for all others who ask for it

    def erase(self) -> list[str]:
        """See Store."""
        gone, newer = list[str](), 0
        with self._usable(), locked(self.directory):
            for model_id in ids_before(self.directory, None):
                path = self._path(model_id)
                try:
                    self._is_expired(path)
                    remove(path)
                    gone.append(model_id)
                except RecordTooNew:
                    newer += 1
            remove_lonely(self.directory)
            newer += forget(self.directory / RECORDS)
            flush(self.directory)
        if newer:
            raise left_by_newer(newer)
        return gone

    def page(self, limit: int, cursor: str | None = None) -> tuple[list[ModelRecord], str | None]:
        """See Store."""
        records: list[ModelRecord] = []
        with self._usable():
            for record in self._records(cursor):
                if len(records) == limit:
                    return records, records[-1].id
                records.append(record)
        return records, None

    def usage(self) -> Usage:
        """See Store."""
        with self._usable():
            found = sizes(self.directory)
        models = [name for name in found if name.endswith(SUFFIX)]
        return Usage(len(models), sum(size for name, size in found.items() if name.endswith((SUFFIX, IMAGES))))

    def claim(self, name: str, contents: bytes) -> bytes:
        """See Store."""
        path = self._record_path(name)
        with self._usable():
            make_folder(path.parent)
            with temporary(path) as file:
                write(file, contents)
                with locked(path.parent):
                    if path.exists():
                        return path.read_bytes()
                    file.replace(path)
                flush(path.parent)
        return contents

    def recall(self, name: str) -> bytes | None:
        """See Store."""
        path = self._record_path(name)
        with usable(), suppress(FileNotFoundError):
            return path.read_bytes()
        return None

    def sweep(self) -> Swept:
        """See Store."""
        with usable():
            folders = [self._root, *self._tenant_folders()]
            return self._sweeper.sweep([*folders, *(folder / RECORDS for folder in folders)])

    def _folder(self, tenant: str) -> Path:
        return self._root / f"{TENANT_FOLDER}{check_tenant(tenant)}" if tenant else self._root

    def _revision(self, tenant: str, model_id: str) -> str | None:
        try:
            return revision_of(self._folder(tenant) / f"{model_id}{SUFFIX}") if ID.fullmatch(model_id) else None
        except OSError:  # to read the model says what is wrong, and only those who ask for this one are told
            return None

    def _tenant_folders(self) -> list[Path]:
        with os.scandir(self._root) as entries:
            return [Path(entry) for entry in entries if entry.name.startswith(TENANT_FOLDER) and entry.is_dir()]

    @contextmanager
    def _usable(self) -> Iterator[None]:
        """Make a tenant's folder if it is missing, but never the store's, and raise StoreUnavailable for an OSError."""
        with usable():
            if self.directory != self._root:
                make_folder(self.directory)
            yield

    def _records(self, cursor: str | None) -> Iterator[ModelRecord]:
        """Yield the records of models that haven't expired, without any that is gone meanwhile or cannot be read."""
        for model_id in ids_before(self.directory, cursor):
            with (
                self._unlisted.alone(str(self.directory)),
                suppress(ModelNotFound, ModelDamaged, StoreUnavailable),
            ):
                yield self.describe(model_id)

    def _is_expired(self, path: Path) -> bool:
        try:
            return is_expired(read_header(path).record)
        except (RecordOutdated, *DAMAGES):  # can be deleted
            return False

    def _path(self, model_id: str) -> Path:
        if not ID.fullmatch(model_id):
            raise not_found(model_id)
        return self.directory / f"{model_id}{SUFFIX}"

    def _record_path(self, name: str) -> Path:
        return self.directory / RECORDS / f"{check_record(name)}{RECORD}"
