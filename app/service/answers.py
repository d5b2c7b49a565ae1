"""From records and the learner's results to what the answers say of them."""

from __future__ import annotations

from collections.abc import Sequence
from heapq import nlargest
from operator import itemgetter

from app.inputs.support_set import Upload
from app.store.records import AnswerRecord, CheckpointReference, ExpectedAccuracy, ImageLoss, ModelRecord
from kshot.types import (
    AdaptAnswer,
    AdaptTimings,
    CheckpointInfo,
    CheckpointRef,
    CurvePoint,
    HardImage,
    Model,
    ModelSummary,
    Prediction,
    Score,
    Validation,
)
from models.checkpoint import Checkpoint
from models.learner import Answers


def checkpoint_info(name: str, checkpoint: Checkpoint, default: bool) -> CheckpointInfo:
    """Return what a user needs to know to choose a checkpoint."""
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
        initializations=[about.mixture.first, *about.mixture.names] if about.mixture else [],
    )


def checkpoint_reference(checkpoint: CheckpointReference) -> CheckpointRef:
    """Return what an answer says of the checkpoint of a model."""
    return CheckpointRef(name=checkpoint.name, digest=checkpoint.digest)


def model_summary(record: ModelRecord) -> ModelSummary:
    """Return a model as a list shows it."""
    return ModelSummary(
        id=record.id,
        name=record.name,
        checkpoint=checkpoint_reference(record.checkpoint),
        classes=record.classes,
        created_at=record.created_at,
        expires_at=record.expires_at,
        parent=record.parent,
        version=record.version,
    )


def model_answer(record: ModelRecord) -> Model:
    """Return a model and how it came about."""
    return Model(
        **dict(model_summary(record)),
        shots=record.shots,
        steps=record.steps,
        learning_rate=record.learning_rate,
        initialization=record.initialization,
        seed=record.seed,
        loss_curve=record.loss_curve,
        support_accuracy=record.support_accuracy,
        validation=record.validation and _validation(record.validation),
        hardest_images=[_hard_image(image) for image in record.hardest_images],
        skipped=record.skipped,
        skipped_count=record.skipped_count,
        images_kept=record.images_kept,
    )


def adapt_answer(record: AnswerRecord) -> AdaptAnswer:
    """Return what a request for a model is answered."""
    spent = record.timings_ms
    timings = AdaptTimings(
        decode=spent.decode, queue=spent.queue, encode=spent.encode, adapt=spent.adapt, store=spent.store
    )
    return AdaptAnswer(**dict(model_answer(record)), timings_ms=timings)


def _validation(expected: ExpectedAccuracy) -> Validation:
    curve = [CurvePoint(images=point.images, accuracy=point.accuracy) for point in expected.learning_curve]
    return Validation(accuracy=expected.accuracy, method=expected.method, learning_curve=curve)


def _hard_image(image: ImageLoss) -> HardImage:
    return HardImage(index=image.index, filename=image.filename, label=image.label, loss=image.loss)


def predictions(
    uploads: Sequence[Upload], said: Answers, checkpoint: Checkpoint, classes: Sequence[str], top_k: int
) -> list[Prediction]:
    """Return one prediction for each image."""
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
