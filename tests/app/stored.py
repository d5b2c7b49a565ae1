"""Models to keep, as small as they can be."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import ClassVar

import torch

from app.store import Store, Stored, new_id
from app.store.documents import Document, Update
from app.store.records import CheckpointReference, ModelRecord


def with_owner(document: Document) -> Document:
    return {**document, "owner": "nobody"}


class NewerModelRecord(ModelRecord):
    """As a later build might have it."""

    updates: ClassVar[Sequence[Update]] = (*ModelRecord.updates, with_owner)
    owner: str = "somebody"


def stored(model_id: str | None = None, expires_in: float | None = None) -> Stored:
    now = datetime.now(UTC)
    record = ModelRecord(
        id=model_id or new_id(),
        name="ünïcödé",
        checkpoint=CheckpointReference(name="omniglot", digest="sha256:0"),
        classes=["a", "b"],
        created_at=now,
        expires_at=now + timedelta(seconds=expires_in) if expires_in is not None else None,
        shots={"a": 1, "b": 2},
        steps=5,
        learning_rate=1e-3,
        loss_curve=[0.5, 0.1],
        support_accuracy=1,
        hardest_images=[],
    )
    return Stored(record, {"head.weight": torch.randn(2, 3), "head.bias": torch.zeros(2)})


def revision_of(store: Store, model_id: str, tenant: str = "") -> str | None:
    (revision,) = store.revisions([(tenant, model_id)])
    return revision


def put_newer(store: Store, expires_in: float | None = None) -> str:
    """As a newer build on the same store would."""
    older = stored(expires_in=expires_in)
    record = NewerModelRecord(**{**dict(older.record), "images_kept": True})
    store.put(Stored(record, older.tensors), images=b"pictures")
    return record.id
