"""What a run over tasks that are no class folders leaves: where its checkpoint came from, and the card beside it."""

import shlex
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from meta_training.evaluation.card import Card
from models.checkpoint import Checkpoint


def provenance() -> dict[str, str]:
    """Return when, and by which command, a checkpoint is made."""
    return {
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": shlex.join(["kshot", *sys.argv[1:]]),
    }


def write_card(
    folder: Path, checkpoint: Checkpoint, config: Mapping[str, Any], seconds: float, errors: Mapping[str, Any]
) -> None:
    """Write a checkpoint's card: `errors` on tasks that it never saw, by learner and by number of steps.

    Each is a mean over tasks and half the width of its 95 % interval.
    """
    about = checkpoint.metadata
    parts = about.model_dump(mode="json", include={"input", "network", "head", "inner"})
    document = {
        "name": about.name,
        "digest": checkpoint.digest,
        "created_at": about.created_at,
        "command": about.command,
        "training_seconds": round(seconds),
        "config": {**config, **parts},
        "errors": errors,
        "data": {**about.data, "training_classes": 0, "test_classes": []},
    }
    Card.model_validate(document).write(folder / f"{about.name}.json")
