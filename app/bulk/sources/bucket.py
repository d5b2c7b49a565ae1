"""Pictures in an S3-compatible bucket."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from typing import ClassVar

from obstore.exceptions import BaseError

from app.bulk.errors import SourceUnreadable
from app.bulk.sources.interface import Entry, Source, is_hidden
from app.store.s3.bucket import Bucket, connect
from kshot.text import shown


@dataclass(frozen=True)
class BucketSource(Source):
    """The objects under s3://bucket/prefix, by the order of their keys; a request may take `seconds`."""

    seconds: float
    threads: ClassVar[int] = 16  # each waits for its requests most of the time

    def entries(self) -> Iterator[Entry]:
        """See Source. Raises StoreUnavailable too."""
        for page in self._bucket.list(""):
            for found in page:
                if found.bytes and not is_hidden(found.key):
                    yield Entry(shown(found.key), found.bytes, partial(self._read, found.key))

    @cached_property
    def _bucket(self) -> Bucket:
        try:
            return Bucket(connect(self.name, self.seconds))
        except BaseError as error:
            raise SourceUnreadable(f"{self.name} is no bucket: give s3://bucket/prefix ({error}).") from error

    def _read(self, key: str, most: int) -> bytes:
        data, _ = self._bucket.start(key, most + 1)
        return data
