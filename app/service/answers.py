"""From the learner's results to what the answers say of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from heapq import nlargest
from operator import itemgetter

from app.errors import Diverged
from app.inputs.support_set import Upload
from app.store.records import AccuracyPoint, CheckpointReference, ExpectedAccuracy, ImageLoss
from kshot.types import CheckpointInfo, Prediction, Score
from models.checkpoint import Checkpoint
from models.learner import Adaptation, Answers

HARDEST = 3
METHOD = "cross-validation within the support set, calibrated on other data"


def reference(name: str, checkpoint: Checkpoint) -> CheckpointReference:
    """How a model names its checkpoint."""
    return CheckpointReference(name=name, digest=checkpoint.digest)


def describe(name: str, checkpoint: Checkpoint, default: bool) -> CheckpointInfo:
    """What a user needs to know to choose a checkpoint."""
    about = checkpoint.metadata
    return CheckpointInfo(
        name=name,
        digest=checkpoint.digest,
        default=default,
        architecture=about.network.type,
        image_size=about.input.shape[0],
        channels=about.input.shape[-1],
        ways=about.head.fixed_ways,
        steps=about.inner.steps,
        from_shots=about.inner.from_shots,
        learning_rate=about.inner.learning_rate,
    )


def check_finite(adaptation: Adaptation) -> None:
    """Raises Diverged: weights that are not numbers would be kept for ever."""
    if not all(math.isfinite(loss) for loss in [*adaptation.losses, *adaptation.image_losses]):
        detail = "The loss grew beyond all numbers. Ask for a smaller learning_rate or fewer steps."
        raise Diverged(detail, field="learning_rate")


def hardest(uploads: Sequence[Upload], losses: Sequence[float]) -> list[ImageLoss]:
    """The images with the highest loss, worst first."""
    worst = sorted(zip(losses, uploads, strict=True), key=lambda pair: -pair[0])[:HARDEST]
    return [
        ImageLoss(index=upload.index, filename=upload.filename, label=upload.label, loss=loss) for loss, upload in worst
    ]


def validation(adaptation: Adaptation) -> ExpectedAccuracy | None:
    """The accuracy to expect, if the learner could tell."""
    if adaptation.expected_accuracy is None:
        return None
    curve = [AccuracyPoint(images=images, accuracy=accuracy) for images, accuracy in adaptation.learning_curve]
    return ExpectedAccuracy(accuracy=adaptation.expected_accuracy, method=METHOD, learning_curve=curve)


def predictions(
    uploads: Sequence[Upload], said: Answers, checkpoint: Checkpoint, classes: Sequence[str], top_k: int
) -> list[Prediction]:
    """One for each image."""
    rows = zip(uploads, said.probabilities.tolist(), _known(said, checkpoint), strict=True)
    return [
        _prediction(upload, nlargest(top_k, zip(row, classes, strict=True), key=itemgetter(0)), known)
        for upload, row, known in rows
    ]


def _known(said: Answers, checkpoint: Checkpoint) -> list[bool] | list[None]:
    calibration = checkpoint.metadata.calibration
    if said.familiarity is None or calibration is None:
        return [None] * len(said.probabilities)
    found: list[bool] = calibration.known(said.familiarity).tolist()
    return found


def _prediction(upload: Upload, top: Sequence[tuple[float, str]], known: bool | None) -> Prediction:
    score, label = top[0]
    return Prediction(
        index=upload.index,
        filename=upload.filename,
        label=label,
        score=score,
        known=known,
        top=[Score(label=label, score=score) for score, label in top],
    )
