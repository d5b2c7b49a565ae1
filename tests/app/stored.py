"""Models to keep, as small as they can be."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import torch

from app.store import Stored, new_id
from app.store.records import CheckpointReference, ModelRecord


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
