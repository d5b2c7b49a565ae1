"""A model's object in a bucket."""

from __future__ import annotations

from app.store.model_file import HEADER_BYTES, Header, bytes_needed, header_of
from app.store.s3.bucket import Bucket


def read_header(bucket: Bucket, key: str) -> Header:
    """Return what a model's file says in front of its tensors.

    Raises FileNotFoundError, StoreUnavailable, and what `header_of` raises for a file that cannot be read.
    """
    start, size = bucket.start(key, HEADER_BYTES)
    if len(start) < (needed := min(bytes_needed(start), size)):
        start, size = bucket.start(key, needed)
    return header_of(start, size)
