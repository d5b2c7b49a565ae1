"""The store of an S3-compatible bucket.

    models/<all ids backwards>.safetensors      newest first, as a bucket lists by name
    images/<id>/<token>                         a model's file names its token
    records/<name>
    expiring/<milliseconds>/<tenant or ->/<id or name of a record>      what a sweep looks at, and when
    tenants/<tenant>/models/…                   and so on: a tenant's own

An object is there as a whole or not at all; what must be one of several is put on condition.
"""

from __future__ import annotations

import io
import secrets
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from copy import copy
from dataclasses import replace
from itertools import chain, islice, takewhile
from typing import BinaryIO

from app.errors import ModelDamaged, ModelNotFound, RecordError, RecordTooNew, StoreUnavailable
from app.store.failures import DAMAGES, FailureLog, damaged, not_found
from app.store.ids import ID, check_record, check_tenant
from app.store.interface import ABANDONED_SECONDS, PASS, RECORD_SECONDS, Stored, Usage, is_expired
from app.store.model_file import HEADER_BYTES, SUFFIX, Header, bytes_needed, encode, header_of, tensors_of
from app.store.records import ModelRecord, is_too_new_to_forget
from app.store.s3.bucket import Bucket, Conflict

READERS = 16  # requests at once for a page of models
ATTEMPTS = 100  # at a change that others come before
NEWEST_FIRST = str.maketrans("0123456789abcdef", "fedcba9876543210")
NOBODY = "-"


class ObjectStore:
    """The Store of a bucket, or of a part of it by a prefix."""

    def __init__(self, bucket: Bucket, fresh_seconds: float = 0) -> None:
        self.fresh_seconds = fresh_seconds
        self._bucket = bucket
        self._tenant = ""
        self._failures = FailureLog()
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="store")

    def of(self, tenant: str) -> ObjectStore:
        """See Store."""
        view = copy(self)
        view._tenant = tenant and check_tenant(tenant)
        return view

    def put(self, stored: Stored, images: bytes | None = None) -> Stored:
        """See Store."""
        model, token = stored.record, None
        key = self._key(model.id)
        if model.expires_at or images is not None:  # first: nothing is left behind that no sweep finds
            self._mark(model.id, model.expires_at.timestamp() if model.expires_at else time.time() + ABANDONED_SECONDS)
        if images is not None:
            token = secrets.token_hex(8)
            self._bucket.put(self._images_key(model.id, token), images)
        for _ in _attempts():
            with suppress(Conflict):
                return replace(stored, revision=self._bucket.create(key, encode(stored, token)))
            with suppress(ModelNotFound):  # deleted meanwhile
                header, kept = self._get(model.id)
                if token and header.images != token:  # else it is ours, and the answer to a first try was lost
                    self._bucket.delete(self._images_key(model.id, token))
                return kept
        raise _contended(model.id)

    def update(self, model_id: str, change: Callable[[ModelRecord], ModelRecord]) -> ModelRecord:
        """See Store."""
        for _ in _attempts():
            header, stored = self._get(model_id)
            changed = replace(stored, record=change(stored.record))
            with suppress(Conflict):
                self._bucket.replace(self._key(model_id), encode(changed, header.images), stored.revision)
                return changed.record
        raise _contended(model_id)

    def revision(self, model_id: str) -> str | None:
        """See Store."""
        try:
            return self._bucket.revision(self._key(model_id))
        except FileNotFoundError:
            return None

    def get(self, model_id: str) -> Stored:
        """See Store."""
        return self._get(model_id)[1]

    def describe(self, model_id: str) -> ModelRecord:
        """See Store."""
        return self._alive(self._header(model_id)).record

    def images(self, model_id: str) -> BinaryIO:
        """See Store."""
        token = self._header(model_id).images
        with _finding(model_id):
            if token is None:
                raise FileNotFoundError
            return io.BytesIO(self._bucket.read(self._images_key(model_id, token))[0])

    def delete(self, model_id: str) -> None:
        """See Store; of two who delete one at once, both may be told that they did."""
        try:
            header = self._header(model_id)
        except ModelDamaged:  # can be deleted
            self._bucket.delete(self._key(model_id), *self._images_keys(model_id))
            return
        images = [self._images_key(model_id, header.images)] if header.images else []
        self._bucket.delete(self._key(model_id))  # first: what has lost its images should not be found
        self._bucket.delete(*images)
        self._alive(header)  # as for all others who ask for it

    def page(self, limit: int, cursor: str | None = None) -> tuple[list[ModelRecord], str | None]:
        """See Store."""
        models: list[ModelRecord] = []
        for ids in self._ids_before(cursor, limit + 1):
            for model in self._readers.map(self._try_describe, ids):
                if model and len(models) == limit:
                    return models, models[-1].id
                models += [model] if model else []
        return models, None

    def usage(self) -> Usage:
        """See Store."""
        models, images = (
            [entry.bytes for entry in chain.from_iterable(self._bucket.list(self._base + folder))]
            for folder in ("models/", "images/")
        )
        return Usage(len(models), sum(models) + sum(images))

    def claim(self, name: str, contents: bytes) -> bytes:
        """See Store."""
        key = self._record_key(name)
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
        key = self._record_key(name)
        with suppress(FileNotFoundError):
            return self._bucket.read(key)[0]
        return None

    def sweep(self) -> int:
        """See Store."""
        entries = chain.from_iterable(self._bucket.list("expiring/"))
        due = takewhile(lambda key: int(key.split("/")[1], 16) <= time.time() * 1e3, (entry.key for entry in entries))
        return sum(map(self._settle, list(islice(due, PASS))))

    @property
    def _base(self) -> str:
        return f"tenants/{self._tenant}/" if self._tenant else ""

    def _key(self, model_id: str) -> str:
        if not ID.fullmatch(model_id):
            raise not_found(model_id)
        return f"{self._base}models/{model_id.translate(NEWEST_FIRST)}{SUFFIX}"

    def _record_key(self, name: str) -> str:
        return f"{self._base}records/{check_record(name)}"

    def _images_key(self, model_id: str, token: str) -> str:
        return f"{self._base}images/{model_id}/{token}"

    def _images_keys(self, model_id: str) -> list[str]:
        found = self._bucket.list(f"{self._base}images/{model_id}/")
        return [entry.key for entry in chain.from_iterable(found)]

    def _mark(self, name: str, seconds: float) -> None:
        """Has the sweep look at a model or a record then."""
        self._bucket.put(f"expiring/{int(seconds * 1e3):012x}/{self._tenant or NOBODY}/{name}", b"")

    def _header(self, model_id: str) -> Header:
        key = self._key(model_id)
        with _finding(model_id):
            start, size = self._bucket.start(key, HEADER_BYTES)
            if len(start) < (needed := min(bytes_needed(start), size)):
                start, size = self._bucket.start(key, needed)
            return header_of(start, size)

    def _get(self, model_id: str) -> tuple[Header, Stored]:
        key = self._key(model_id)
        with _finding(model_id):
            contents, revision = self._bucket.read(key)
            header = self._alive(header_of(contents, len(contents)))
            return header, Stored(header.record, tensors_of(contents), revision)

    @staticmethod
    def _alive(header: Header) -> Header:
        """Raises ModelNotFound if it has expired."""
        if is_expired(header.record):
            raise not_found(header.record.id)
        return header

    def _ids_before(self, cursor: str | None, at_once: int) -> Iterator[list[str]]:
        after = cursor and self._key(cursor)
        for entries in self._bucket.list(f"{self._base}models/", after, at_once):
            names = (entry.key.rpartition("/")[2].removesuffix(SUFFIX).translate(NEWEST_FIRST) for entry in entries)
            yield [name for name in names if ID.fullmatch(name)]

    def _try_describe(self, model_id: str) -> ModelRecord | None:
        """Return a model's record, or None if it is gone meanwhile or cannot be read."""
        try:
            return self.describe(model_id)
        except RecordError as error:
            self._failures.tell("lists leave out models that this server cannot read", f"{self._base}models/", error)
        except (ModelNotFound, ModelDamaged):
            pass
        return None

    def _settle(self, mark: str) -> bool:
        """Deletes the model of a mark, if it has expired, and what has lost its model; says if there was one."""
        _, _, tenant, name = mark.split("/")
        view = self.of("" if tenant == NOBODY else tenant)
        try:
            expired = view._delete_expired(name) if ID.fullmatch(name) else view._delete_record(name)
        except (ModelDamaged, RecordError) as error:
            self._failures.tell("the sweep leaves a model that it cannot read", mark, error)
            return False
        self._bucket.delete(mark)
        return expired

    def _delete_record(self, name: str) -> bool:
        contents = self.recall(name)
        if contents is not None and is_too_new_to_forget(contents):
            raise RecordTooNew(f"Record {name} was written by a newer server.")
        self._bucket.delete(self._record_key(name))
        return False

    def _delete_expired(self, model_id: str) -> bool:
        try:
            header = self._header(model_id)
        except ModelNotFound:
            header = None
        expired = header is not None and is_expired(header.record)
        if expired:
            self._bucket.delete(self._key(model_id))
        ours = self._images_key(model_id, header.images) if header and header.images and not expired else None
        self._bucket.delete(*(key for key in self._images_keys(model_id) if key != ours))
        return expired


def _attempts() -> Iterator[int]:
    """With pauses between them, of any length, so that one of several gets through."""
    for attempt in range(ATTEMPTS):
        yield attempt
        time.sleep(secrets.randbelow(50) / 1e3)


def _contended(model_id: str) -> StoreUnavailable:
    return StoreUnavailable(f"Model {model_id} is being changed by too many at once. Try again.")


@contextmanager
def _finding(model_id: str) -> Iterator[None]:
    """Turns the ways in which a model's object fails us into errors for users."""
    try:
        yield
    except FileNotFoundError as error:
        raise not_found(model_id) from error
    except DAMAGES as error:
        raise damaged(model_id) from error
