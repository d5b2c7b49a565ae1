"""What every store does."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import BinaryIO, Protocol, TypeAlias

from torch import Tensor

from app.store.records import ModelRecord

ABANDONED_SECONDS = 3600  # another server on the same store may still be writing what is younger
RECORD_SECONDS = 86400  # life of the record of a request
PASS = 1000  # most models that one sweep reads, or deletes; the next goes on with the rest

Tensors = Mapping[str, Tensor]
ModelKey: TypeAlias = tuple[str, str]
"""A tenant, or "" for nobody, and the id of one of its models."""


@dataclass(frozen=True)
class Stored:
    """A model's record and its tensors; `revision` is the store's, another after each change."""

    record: ModelRecord
    tensors: Tensors
    revision: str = ""


@dataclass(frozen=True)
class Usage:
    """What a tenant's models take, with those that have expired and are not swept yet."""

    models: int
    bytes: int


@dataclass(frozen=True)
class Swept:
    """What a sweep did: the expired models that it deleted, and the files that it could not read or delete."""

    models: int
    failures: int


class Store(Protocol):
    """Models by id. Of a model only its record changes, and never its tensors or when it expires.

    Any number of servers may work on one store at once, of several releases too. Calls block, so make them from worker
    threads. They may raise StoreUnavailable.
    """

    fresh_seconds: float
    """How long a revision may be relied on, where asking takes time; another server's change may go unseen as long."""

    def of(self, tenant: str) -> Store:
        """Return a view of one tenant's models and records; "" is nobody. Raises ValueError for no tenant's name."""

    def put(self, stored: Stored, images: bytes | None = None) -> Stored:
        """Keep a model, and its images if given, unless there is one of its id; return the one that is kept.

        Once this returns, with the revision, they survive a crash.
        """

    def update(self, model_id: str, change: Callable[[ModelRecord], ModelRecord]) -> ModelRecord:
        """Change the record of a model; of several updates at once none is lost. Raises what `get` raises."""

    def revisions(self, keys: Iterable[ModelKey]) -> list[str | None]:
        """Return the revision of each model as it is now, expired or not; None for one that isn't there.

        Of any tenants, whoever's view this is. Quick, and quicker than one after another.
        """

    def get(self, model_id: str) -> Stored:
        """Return a model. Raises ModelNotFound (unknown or expired), ModelDamaged or RecordError."""

    def describe(self, model_id: str) -> ModelRecord:
        """Return the record of a model. Raises what `get` raises."""

    def images(self, model_id: str) -> BinaryIO:
        """Return a model's images as they were put, to read and seek in. Raises ModelNotFound if there are none."""

    def delete(self, model_id: str) -> None:
        """Delete a model and its images. Raises ModelNotFound, or RecordTooNew for one that a newer release wrote."""

    def erase(self) -> list[str]:
        """Delete all models with their images, and all small records; return the models' ids.

        Models that are put meanwhile may stay. Once this has ended early, calling it again deletes the rest. Raises
        RecordTooNew, when all others are gone, if there are some that a newer release wrote.
        """

    def page(self, limit: int, cursor: str | None = None) -> tuple[list[ModelRecord], str | None]:
        """Return up to `limit` models older than `cursor`, newest first, and the cursor of the next page, if any.

        Models that cannot be read are left out.
        """

    def usage(self) -> Usage:
        """Return what these models take, without reading any."""

    def claim(self, name: str, contents: bytes) -> bytes:
        """Keep a small record for RECORD_SECONDS, unless there is one of this name; return the one that is kept.

        So all who claim a name at once, on any server, learn who was first. Raises ValueError for no record's name.
        """

    def recall(self, name: str) -> bytes | None:
        """Return the record of this name, or None. Raises ValueError for no record's name."""

    def sweep(self) -> Swept:
        """Delete what has expired, of all tenants, and what killed servers left.

        Anything that cannot be read or deleted is logged, once, and keeps nothing else. For one thread at a time.
        """


def is_expired(record: ModelRecord) -> bool:
    """Say whether a model's time is over."""
    return record.expires_at is not None and record.expires_at <= datetime.now(UTC)
