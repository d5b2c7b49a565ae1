"""The sweep of a bucket: it looks at what the marks name, once they are due."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from itertools import chain

from app.errors import RecordTooNew
from app.store.failures import Failures
from app.store.ids import ID
from app.store.interface import PASS, Swept, is_expired
from app.store.records import is_too_new_to_forget
from app.store.s3.bucket import Bucket
from app.store.s3.layout import MARKS, Layout, Mark
from app.store.s3.model_object import read_header


class Sweeper:
    """Deletes the expired models and records of a bucket, and images that have lost their model.

    It asks for the objects of due marks alone, as there may be millions of others. For one thread at a time.
    """

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self._failures = Failures("the sweep leaves what it cannot read or delete")

    def sweep(self) -> Swept:
        """Settle the marks that are due. One that fails stays for the next time, and keeps no other."""
        failed_before, deleted = self._failures.count, 0
        for mark in self._due():
            with self._failures.alone(mark.key):
                deleted += self._settle(mark)
        return Swept(deleted, self._failures.count - failed_before)

    def _due(self) -> list[Mark]:
        """Return up to PASS marks, oldest first, those that failed before last: they must not keep the others back."""
        fresh: list[Mark] = []
        failed: list[Mark] = []
        for mark in self._marks():
            if mark.due > time.time() or len(fresh) == PASS:
                break
            (failed if mark.key in self._failures else fresh).append(mark)
        return [*fresh, *failed][:PASS]

    def _marks(self) -> Iterator[Mark]:
        """Yield all marks, oldest first, without objects that are none."""
        for entry in chain.from_iterable(self._bucket.list(MARKS)):
            with self._failures.alone(entry.key):
                yield Mark.of_key(entry.key)

    def _settle(self, mark: Mark) -> bool:
        """Delete what a mark is for, if its time is over, and the mark. Return whether that was a model."""
        layout, is_model = Layout(mark.tenant), ID.fullmatch(mark.name)
        deleted = self._delete_expired(layout, mark.name) if is_model else self._delete_record(layout, mark.name)
        self._bucket.delete(mark.key)
        return deleted

    def _delete_record(self, layout: Layout, name: str) -> bool:
        key = layout.record(name)
        with suppress(FileNotFoundError):
            if is_too_new_to_forget(self._bucket.read(key)[0]):
                raise RecordTooNew(f"Record {name} was written by a newer server.")
        self._bucket.delete(key)
        return False

    def _delete_expired(self, layout: Layout, model_id: str) -> bool:
        """Delete a model if it has expired, and images that are no model's."""
        try:
            header = read_header(self._bucket, layout.model(model_id))
        except FileNotFoundError:
            header = None
        expired = header is not None and is_expired(header.record)
        if expired:
            self._bucket.delete(layout.model(model_id))
        kept = layout.images_of(model_id, header.images) if header and header.images and not expired else None
        images = chain.from_iterable(self._bucket.list(layout.images_of(model_id)))
        self._bucket.delete(*(image.key for image in images if image.key != kept))
        return expired
