"""The store of an S3-compatible bucket.

An object is there as a whole or not at all; what must be one of several is put on condition.
"""

from __future__ import annotations

import io
import secrets
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from copy import copy
from dataclasses import replace
from itertools import chain
from typing import BinaryIO

from app.errors import ModelDamaged, ModelNotFound, RecordOutdated, RecordTooNew, StoreUnavailable
from app.store.failures import Failures, left_by_newer, not_found, reaching
from app.store.interface import ABANDONED_SECONDS, PASS, RECORD_SECONDS, ModelKey, Stored, Swept, Usage, is_expired
from app.store.model_file import Header, encode, header_of, tensors_of
from app.store.records import ModelRecord, is_too_new_to_forget
from app.store.s3.bucket import Bucket, Conflict
from app.store.s3.layout import Layout, id_of
from app.store.s3.model_object import read_header
from app.store.s3.sweeper import Sweeper

READERS = 32  # requests at once, for pages of models, and as many for revisions
ATTEMPTS = 100  # at a change that others come before


class ObjectStore:
    """The Store of a bucket, or of a part of it by a prefix."""

    def __init__(self, bucket: Bucket, fresh_seconds: float = 0) -> None:
        self.fresh_seconds = fresh_seconds
        self._bucket = bucket
        self._layout = Layout()
        self._sweeper = Sweeper(bucket)
        self._unlisted = Failures("lists leave out models that this server cannot read")
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="store")
        self._lookups = ThreadPoolExecutor(READERS, thread_name_prefix="revisions")  # no list keeps predictions waiting

    def of(self, tenant: str) -> ObjectStore:
        """See Store."""
        view = copy(self)
        view._layout = Layout(tenant)
        return view

    def put(self, stored: Stored, images: bytes | None = None) -> Stored:
        """See Store."""
        record, token = stored.record, None
        key = self._layout.model(record.id)
        if record.expires_at or images is not None:  # first: nothing is left behind that no sweep finds
            until = record.expires_at.timestamp() if record.expires_at else time.time() + ABANDONED_SECONDS
            self._mark(record.id, until)
        if images is not None:
            token = secrets.token_hex(8)
            self._bucket.put(self._layout.images_of(record.id, token), images)
        for _ in _attempts():
            with suppress(Conflict):
                return replace(stored, revision=self._bucket.create(key, encode(stored, token)))
            with suppress(ModelNotFound):  # deleted meanwhile
                header, kept = self._get(record.id)
                if token and header.images != token:  # else it is ours, and the answer to a first try was lost
                    self._bucket.delete(self._layout.images_of(record.id, token))
                return kept
        raise _contended(record.id)

    def update(self, model_id: str, change: Callable[[ModelRecord], ModelRecord]) -> ModelRecord:
        """See Store."""
        for _ in _attempts():
            header, stored = self._get(model_id)
            changed = replace(stored, record=change(stored.record))
            with suppress(Conflict):
                self._bucket.replace(self._layout.model(model_id), encode(changed, header.images), stored.revision)
                return changed.record
        raise _contended(model_id)

    def revisions(self, keys: Iterable[ModelKey]) -> list[str | None]:
        """See Store."""
        return list(self._lookups.map(self._revision, keys))

    def get(self, model_id: str) -> Stored:
        """See Store."""
        return self._get(model_id)[1]

    def describe(self, model_id: str) -> ModelRecord:
        """See Store."""
        return _alive(self._header(model_id)).record

    def images(self, model_id: str) -> BinaryIO:
        """See Store."""
        token = self._header(model_id).images
        with reaching(model_id):
            if token is None:
                raise FileNotFoundError
            return io.BytesIO(self._bucket.read(self._layout.images_of(model_id, token))[0])

    def delete(self, model_id: str) -> None:
        """See Store; of two who delete one at once, both may be told that they did."""
        key = self._layout.model(model_id)
        try:
            header = self._header(model_id)
        except (ModelDamaged, RecordOutdated):  # can be deleted
            images = chain.from_iterable(self._bucket.list(self._layout.images_of(model_id)))
            self._bucket.delete(key, *(image.key for image in images))
            return
        self._bucket.delete(key)  # first: what has lost its images should not be found
        if header.images:
            self._bucket.delete(self._layout.images_of(model_id, header.images))
        _alive(header)  # as for all others who ask for it

    def erase(self) -> list[str]:
        """See Store."""
        ids = [*chain.from_iterable(self._ids_before(None, PASS))]
        records = [entry.key for entry in chain.from_iterable(self._bucket.list(self._layout.records))]
        models = list(self._readers.map(self._erase, ids))
        forgotten = list(self._readers.map(self._forget, records))
        if newer := models.count(False) + forgotten.count(False):
            raise left_by_newer(newer)
        return ids

    def page(self, limit: int, cursor: str | None = None) -> tuple[list[ModelRecord], str | None]:
        """See Store."""
        records: list[ModelRecord] = []
        for ids in self._ids_before(cursor, limit + 1):
            for record in self._readers.map(self._try_describe, ids):
                if record and len(records) == limit:
                    return records, records[-1].id
                records += [record] if record else []
        return records, None

    def usage(self) -> Usage:
        """See Store."""
        models, images = (
            [entry.bytes for entry in chain.from_iterable(self._bucket.list(prefix))]
            for prefix in (self._layout.models, self._layout.images)
        )
        return Usage(len(models), sum(models) + sum(images))

    def claim(self, name: str, contents: bytes) -> bytes:
        """See Store."""
        key = self._layout.record(name)
        self._mark(name, time.time() + RECORD_SECONDS)
        try:
            self._bucket.create(key, contents)
        except Conflict:
            with suppress(FileNotFoundError):  # swept meanwhile: ours, if we try again
                return self._bucket.read(key)[0]
            return self.claim(name, contents)
        return contents

    def recall(self, name: str) -> bytes | None:
        """See Store."""
        key = self._layout.record(name)
        with suppress(FileNotFoundError):
            return self._bucket.read(key)[0]
        return None

    def sweep(self) -> Swept:
        """See Store."""
        return self._sweeper.sweep()

    def _erase(self, model_id: str) -> bool:
        """Delete a model; return False for one that a newer release wrote."""
        try:
            with suppress(ModelNotFound):
                self.delete(model_id)
        except RecordTooNew:
            return False
        return True

    def _forget(self, key: str) -> bool:
        """Delete a small record; return False for one that a newer release wrote."""
        with suppress(FileNotFoundError):
            if is_too_new_to_forget(self._bucket.read(key)[0]):
                return False
        self._bucket.delete(key)
        return True

    def _mark(self, name: str, due: float) -> None:
        """Have a sweep look at a model or a record then."""
        self._bucket.put(self._layout.mark(name, due).key, b"")

    def _revision(self, key: ModelKey) -> str | None:
        tenant, model_id = key
        try:
            return self._bucket.revision(Layout(tenant).model(model_id))
        except (FileNotFoundError, ModelNotFound):
            return None

    def _header(self, model_id: str) -> Header:
        with reaching(model_id):
            return read_header(self._bucket, self._layout.model(model_id))

    def _get(self, model_id: str) -> tuple[Header, Stored]:
        with reaching(model_id):
            contents, revision = self._bucket.read(self._layout.model(model_id))
            header = _alive(header_of(contents, len(contents)))
            return header, Stored(header.record, tensors_of(contents), revision)

    def _ids_before(self, cursor: str | None, at_once: int) -> Iterator[list[str]]:
        after = cursor and self._layout.model(cursor)
        for entries in self._bucket.list(self._layout.models, after, at_once):
            yield [model_id for entry in entries if (model_id := id_of(entry.key))]

    def _try_describe(self, model_id: str) -> ModelRecord | None:
        """Return a model's record, or None if it is gone meanwhile or cannot be read."""
        with self._unlisted.alone(self._layout.models), suppress(ModelNotFound, ModelDamaged):
            return self.describe(model_id)
        return None


def _alive(header: Header) -> Header:
    """Return the header of a model that has not expired. Raises ModelNotFound if it has."""
    if is_expired(header.record):
        raise not_found(header.record.id)
    return header


def _attempts() -> Iterator[int]:
    """Yield the numbers of attempts, with pauses of any length between them, so that one of several gets through."""
    for attempt in range(ATTEMPTS):
        yield attempt
        time.sleep(secrets.randbelow(50) / 1e3)


def _contended(model_id: str) -> StoreUnavailable:
    return StoreUnavailable(f"Model {model_id} is being changed by too many at once. Try again.")
