"""From records and the learner's results to what the answers say of them."""

from __future__ import annotations

from collections.abc import Sequence
from heapq import nlargest
from operator import itemgetter

from app.inputs.support_set import Upload
from app.store.records import (
    AnswerRecord,
    CheckpointReference,
    ExpectedAccuracy,
    ImageLoss,
    ImagePlace,
    ModelRecord,
    WarnedImage,
)
from kshot.accuracy import Confusion, CurvePoint, DoubtfulImage, OperatingPoint, Validation
from kshot.predictions import Estimate, Prediction, Score
from kshot.problem import FileLeftOut, ImageWarning
from kshot.types import (
    AdaptAnswer,
    AdaptTimings,
    CheckpointInfo,
    CheckpointRef,
    HardImage,
    Model,
    ModelSummary,
    SupportImage,
)
from models.checkpoint import Checkpoint
from models.estimates.calibration import Calibration
from models.estimates.label_sets import label_sets
from models.initializations.adapted import Answers


def checkpoint_info(name: str, checkpoint: Checkpoint, default: bool) -> CheckpointInfo:
    """Return what a user needs to know to choose a checkpoint."""
    about = checkpoint.metadata
    return CheckpointInfo(
        name=name,
        digest=checkpoint.digest,
        default=default,
        architecture=about.network.type,
        takes=about.input.field,
        image_size=about.input.shape[0] if about.input.field == "images" else 0,
        channels=about.input.shape[-1] if about.input.field == "images" else 0,
        input_size=about.input.shape[0] if about.input.field == "inputs" else 0,
        targets=about.head.targets,
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
        min_scores=record.min_scores,
        near_copies=[[_support_image(image) for image in group] for group in record.near_copies],
        skipped=record.skipped,
        skipped_count=record.skipped_count,
        left_out=_left_out(record),
        warnings=[image_warning(image) for image in record.warnings],
        images_kept=record.images_kept,
    )


def _left_out(record: ModelRecord) -> list[FileLeftOut]:
    """Return why files were left out; of models made before that was kept, nothing."""
    reasons = zip(record.skipped, record.skipped_why, strict=False)
    return [FileLeftOut(filename=filename, reason=reason) for filename, reason in reasons]


def adapt_answer(record: AnswerRecord) -> AdaptAnswer:
    """Return what a request for a model is answered."""
    spent = record.timings_ms
    timings = AdaptTimings(
        decode=spent.decode, queue=spent.queue, encode=spent.encode, adapt=spent.adapt, store=spent.store
    )
    return AdaptAnswer(**dict(model_answer(record)), timings_ms=timings)


def image_warning(image: WarnedImage) -> ImageWarning:
    """Return what is said about an image that was taken, or about all."""
    return ImageWarning(type=image.type, index=image.index, filename=image.filename, detail=image.detail)


def _validation(expected: ExpectedAccuracy) -> Validation:
    curve = [CurvePoint(images=point.images, accuracy=point.accuracy) for point in expected.learning_curve]
    return Validation(
        accuracy=expected.accuracy,
        low=expected.low,
        high=expected.high,
        method=expected.method,
        of_classes=expected.of_classes,
        confusions=[Confusion(**dict(each)) for each in expected.confusions],
        doubtful=[DoubtfulImage(**dict(each)) for each in expected.doubtful],
        learning_curve=curve,
        operating_points=[OperatingPoint(**dict(point)) for point in expected.operating_points],
    )


def _support_image(image: ImagePlace) -> SupportImage:
    return SupportImage(index=image.index, filename=image.filename, label=image.label)


def _hard_image(image: ImageLoss) -> HardImage:
    return HardImage(index=image.index, filename=image.filename, label=image.label, loss=image.loss)


def predictions(
    uploads: Sequence[Upload],
    said: Answers,
    model: ModelRecord,
    calibration: Calibration | None,
    top_k: int,
    coverage: float | None = None,
) -> list[Prediction]:
    """Return one prediction for each image, with a set of labels for `coverage` where the calibration can tell."""
    known = [None] * len(uploads) if said.looks.known is None else said.looks.known.tolist()
    spec = calibration.label_sets if calibration and coverage else None
    expected = model.validation.accuracy if model.validation else None
    level = spec.level(coverage or 0, expected) if spec else 0.0
    sets = label_sets(said.probabilities, level).sum(dim=1).tolist() if spec else [0] * len(uploads)
    rows = zip(uploads, said.probabilities.tolist(), known, sets, strict=True)
    return [_prediction(upload, row, known, size, model, top_k) for upload, row, known, size in rows]


def estimates(uploads: Sequence[Upload], said: Answers) -> list[Estimate]:
    """Return the numbers that a model which estimates says of each example."""
    rows = zip(uploads, said.probabilities.tolist(), strict=True)
    return [Estimate(index=upload.index, filename=upload.filename, values=row) for upload, row in rows]


def _prediction(
    upload: Upload, row: Sequence[float], known: bool | None, size: int, model: ModelRecord, top_k: int
) -> Prediction:
    """Return what is answered of an image with these probabilities, and a set of so many labels, if any."""
    top = nlargest(max(top_k, size), zip(row, model.classes, strict=True), key=itemgetter(0))
    score, label = top[0]
    least = model.min_scores.get(label)
    return Prediction(
        index=upload.index,
        filename=upload.filename,
        label=label,
        score=score,
        known=known,
        accepted=None if least is None else score >= least,
        labels=[label for _, label in top[:size]] or None,
        top=[Score(label=label, score=score) for score, label in top[:top_k]],
    )
