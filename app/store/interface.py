"""What a store is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import BinaryIO, Protocol, TypeAlias

from torch import Tensor

from app.store.records import ModelRecord

ABANDONED_SECONDS = 3600  # another server on the same store may still be writing what is younger
RECORD_SECONDS = 86400  # life of a record
PASS = 1000  # models that a sweep looks at, or deletes; the rest has its turn at the next

Tensors = Mapping[str, Tensor]
ModelKey: TypeAlias = tuple[str, str]
"""A tenant, or "" for nobody, and the id of one of its models."""


@dataclass(frozen=True)
class Stored:
    """A model's record and its tensors; `revision` is the store's, another after each change."""

    record: ModelRecord
    tensors: Tensors
    revision: str = ""


Put: TypeAlias = Callable[[Stored, bytes | None], Stored]
"""Keeps a model and its images, as Store.put does."""


@dataclass(frozen=True)
class Usage:
    """What a tenant's models take, those that have expired but are not swept yet included."""

    models: int
    bytes: int


@dataclass(frozen=True)
class Swept:
    """What a sweep did: the expired models that it deleted, and the files that it could not read or delete."""

    models: int
    failures: int


class Store(Protocol):
    """Models by id; of one, only what is said of it changes, never its tensors or when it expires.

    Any number of servers may work on one store at once. Calls block, so make them from worker threads, and may raise
    StoreUnavailable.
    """

    fresh_seconds: float
    """How long a revision may be relied on, where asking takes time; another server's change may go unseen as long."""

    def of(self, tenant: str) -> Store:
        """The models and records of a tenant, who sees no others; "" is nobody. Raises ValueError for no TENANT."""

    def put(self, stored: Stored, images: bytes | None = None) -> Stored:
        """Keeps a model, and its images if given, unless there is one of its id; returns the one that is kept.

        When this returns, with the revision, they survive a crash.
        """

    def update(self, model_id: str, change: Callable[[ModelRecord], ModelRecord]) -> ModelRecord:
        """Replaces what is said of a model; none of several updates at once is lost. Raises what `get` raises."""

    def revisions(self, keys: Iterable[ModelKey]) -> list[str | None]:
        """Return the revision of each model as it is now, expired or not; None for one that isn't there.

        Of any tenants, whoever's view this is. Quick, and quicker than one after another.
        """

    def get(self, model_id: str) -> Stored:
        """Raises ModelNotFound (unknown or expired) or ModelDamaged."""

    def describe(self, model_id: str) -> ModelRecord:
        """Without its tensors; raises what `get` raises."""

    def images(self, model_id: str) -> BinaryIO:
        """The images of a model as they were put, to read and seek in. Raises ModelNotFound if there are none."""

    def delete(self, model_id: str) -> None:
        """Raises ModelNotFound."""

    def page(self, limit: int, cursor: str | None = None) -> tuple[list[ModelRecord], str | None]:
        """Up to `limit` models older than `cursor`, newest first and the next page's cursor, if any."""

    def usage(self) -> Usage:
        """Of these models, without reading any."""

    def claim(self, name: str, contents: bytes) -> bytes:
        """Keeps a small record for RECORD_SECONDS, unless there is one of this name; returns the one that is kept.

        So of several who claim a name at once, on any server, all learn who was first. Raises ValueError for no RECORD.
        """

    def recall(self, name: str) -> bytes | None:
        """The record of this name, if there is one. Raises ValueError for no RECORD."""

    def sweep(self) -> Swept:
        """Delete what has expired, of all tenants, and what killed servers left.

        Anything that cannot be read or deleted is logged, once, and keeps nothing else. For one thread at a time.
        """


def is_expired(record: ModelRecord) -> bool:
    """Whether its time is over."""
    return record.expires_at is not None and record.expires_at <= datetime.now(UTC)
