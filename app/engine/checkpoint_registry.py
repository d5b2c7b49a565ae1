"""Which checkpoints a request may name, and what a model was adapted from."""

from __future__ import annotations

from app.engine.engine import Engine
from app.errors import CheckpointMismatch, CheckpointUnknown
from app.service import answers
from app.store.records import ModelRecord
from kshot.types import CheckpointInfo
from models.checkpoint import Checkpoint


class Catalogue:
    """The checkpoints that the engine has loaded; `default` is that of requests that name none."""

    def __init__(self, engine: Engine, default: str) -> None:
        self._engine = engine
        self._default = default

    def named(self, name: str | None) -> tuple[str, Checkpoint]:
        """The checkpoint a request names. Raises NotReady or CheckpointUnknown."""
        self._engine.require_ready()
        name = name or self._default
        if name not in self._engine.learners:
            available = sorted(self._engine.learners)
            detail = f"There is no checkpoint {name!r:.60}. This server has: {', '.join(available)}."
            raise CheckpointUnknown(detail, field="checkpoint", available=available)
        return name, self._engine.learners[name].checkpoint

    def of(self, model: ModelRecord) -> Checkpoint:
        """What a model was adapted from. Raises CheckpointMismatch: over other weights it means nothing."""
        wanted = model.checkpoint
        learner = self._engine.learners.get(wanted.name)
        if learner is None or learner.checkpoint.digest != wanted.digest:
            detail = (
                f"Model {model.id} was adapted from checkpoint {wanted.name!r} ({wanted.digest}), "
                "which is not loaded. Start the server with that file, or adapt again."
            )
            raise CheckpointMismatch(detail, field="model_id")
        return learner.checkpoint

    def list(self) -> list[CheckpointInfo]:
        """All of them. Raises NotReady."""
        self._engine.require_ready()
        return [
            answers.describe(name, learner.checkpoint, default=name == self._default)
            for name, learner in self._engine.learners.items()
        ]
