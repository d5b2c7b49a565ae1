"""From the learner's results to what the answers say of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from heapq import nlargest
from operator import itemgetter

from app.errors import Diverged
from app.schemas import CheckpointInfo, CheckpointRef, HardImage, Prediction, Score
from app.uploads import Upload
from models.checkpoint import Checkpoint
from models.learner import Adaptation

HARDEST = 3


def reference(name: str, checkpoint: Checkpoint) -> CheckpointRef:
    """How a model names its checkpoint."""
    return CheckpointRef(name=name, digest=checkpoint.digest)


def describe(name: str, checkpoint: Checkpoint, default: bool) -> CheckpointInfo:
    """What a user needs to know to choose a checkpoint."""
    about = checkpoint.metadata
    return CheckpointInfo(
        name=name,
        digest=checkpoint.digest,
        default=default,
        architecture=about.network.type,
        image_size=about.input.size,
        channels=about.input.channels,
        ways=about.head.ways,
        steps=about.inner.steps,
        learning_rate=about.inner.learning_rate,
    )


def check_finite(adaptation: Adaptation) -> None:
    """Raises Diverged: weights that are not numbers would be kept for ever."""
    if not all(math.isfinite(loss) for loss in [*adaptation.losses, *adaptation.image_losses]):
        detail = "The loss grew beyond all numbers. Ask for a smaller learning_rate or fewer steps."
        raise Diverged(detail, field="learning_rate")


def hardest(uploads: Sequence[Upload], losses: Sequence[float]) -> list[HardImage]:
    """The images with the highest loss, worst first."""
    worst = sorted(zip(losses, uploads, strict=True), key=lambda pair: -pair[0])[:HARDEST]
    return [
        HardImage(index=upload.index, filename=upload.filename, label=upload.label, loss=loss) for loss, upload in worst
    ]


def predictions(
    uploads: Sequence[Upload], probabilities: Sequence[Sequence[float]], classes: Sequence[str], top_k: int
) -> list[Prediction]:
    """One for each image, from probabilities [Q, N]."""
    return [
        _prediction(upload, nlargest(top_k, zip(row, classes, strict=True), key=itemgetter(0)))
        for upload, row in zip(uploads, probabilities, strict=True)
    ]


def _prediction(upload: Upload, top: Sequence[tuple[float, str]]) -> Prediction:
    score, label = top[0]
    return Prediction(
        index=upload.index,
        filename=upload.filename,
        label=label,
        score=score,
        top=[Score(label=label, score=score) for score, label in top],
    )
