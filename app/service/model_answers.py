"""From the records of models to what the answers say of them."""

from __future__ import annotations

from app.store.records import AnswerRecord, CheckpointReference, ExpectedAccuracy, ImageLoss, ModelRecord
from kshot.types import (
    AdaptAnswer,
    AdaptTimings,
    CheckpointRef,
    CurvePoint,
    HardImage,
    Model,
    ModelSummary,
    Validation,
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
