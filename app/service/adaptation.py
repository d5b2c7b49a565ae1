"""A support set to adapt to: as work for the engine, and as the record of the model that came of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from heapq import nsmallest

from torch import Tensor

from app.api.forms import Choices
from app.api.shares import parse_shares
from app.engine.work import AdaptWork, Progress
from app.errors import Diverged, InitializationUnsuitable, StepsOutOfRange
from app.inputs.support_set import SupportSet, Upload
from app.observability.stopwatch import Stopwatch
from app.settings import SettingsPart
from app.store import new_id
from app.store.records import (
    AccuracyPoint,
    AnsweredShare,
    CheckpointReference,
    ConfusedClasses,
    DoubtfulImage,
    ExpectedAccuracy,
    ImageLoss,
    ImagePlace,
    ModelRecord,
)
from kshot.types import MAX_SKIPPED
from models.checkpoint import Checkpoint
from models.errors import SupportError
from models.estimates.expected.doubtful import Doubt
from models.initializations.adapted import Adaptation

HARDEST = 3
MOST_CONFUSIONS = 20
MOST_GROUPS = 20  # of near copies that are named
METHOD = "cross-validation within the support set, calibrated on other data"


@dataclass(frozen=True, kw_only=True)
class AdaptLimits(SettingsPart):
    """What a request for a model may ask for, and what it gets where it doesn't ask."""

    max_steps: int
    max_image_steps: int
    ttl_seconds: int | None
    keep_images: bool

    def check_steps(self, steps: int | None) -> None:
        """Raise StepsOutOfRange for too many steps; before anything is decoded."""
        if steps and steps > self.max_steps:
            detail = f"steps is {steps}; this server takes 0 to {self.max_steps}. Ask for fewer."
            raise StepsOutOfRange(detail, field="steps")

    def check_cost(self, steps: int, images: int, cost: int) -> None:
        """Raise StepsOutOfRange for what could not end within compute_seconds; `cost` is that of an image and step."""
        most = self.max_image_steps // cost
        if steps * images > most:
            detail = (
                f"steps is {steps}; with {images} images this server takes 0 to {most // images}. "
                "Ask for fewer, or send fewer images."
            )
            raise StepsOutOfRange(detail, field="steps")


@dataclass(frozen=True)
class AdaptationTask:
    """A support set, its images uint8 [B, C, H, W], and the checkpoint to adapt, by its name and itself.

    `choices` are the request's own; `watch` measures its work.
    """

    name: str
    checkpoint: Checkpoint
    support: SupportSet
    images: Tensor
    choices: Choices
    title: str | None
    watch: Stopwatch
    parent: ModelRecord | None = None

    def work(self, limits: AdaptLimits, progress: Progress | None) -> AdaptWork:
        """Return the work for the engine. Raises StepsOutOfRange."""
        choices, head = self.choices, self.checkpoint.metadata.head
        inner = self.checkpoint.metadata.inner
        steps = inner.steps_for(self.support.rarest) if choices.steps is None else choices.steps
        limits.check_cost(steps, len(self.images), self.checkpoint.metadata.network.cost)
        return AdaptWork(
            checkpoint=self.name,
            images=self.images,
            labels=self.support.labels,
            ways=head.targets or len(self.support.classes),
            targets=self.support.targets,
            steps=steps,
            learning_rate=choices.learning_rate or inner.learning_rate,
            initialization=initialization(self.checkpoint, choices.initialization),
            by_frequency=choices.class_weights == "frequency" and not head.targets,
            progress=progress,
        )

    def keeps_images(self, limits: AdaptLimits) -> bool:
        """Return whether to keep the images beside the model."""
        return limits.keep_images if self.choices.keep_images is None else self.choices.keep_images

    def record(self, work: AdaptWork, adaptation: Adaptation, limits: AdaptLimits) -> ModelRecord:
        """Return what to keep of the model, under a new id."""
        now, support, parent = datetime.now(UTC), self.support, self.parent
        ttl = self.choices.ttl_seconds or limits.ttl_seconds
        return ModelRecord(
            id=new_id(),
            name=self.title,
            parent=parent and parent.id,
            version=parent.version + 1 if parent else 1,
            images_kept=self.keeps_images(limits),
            checkpoint=CheckpointReference(name=self.name, digest=self.checkpoint.digest),
            classes=support.classes,
            created_at=now,
            expires_at=now + timedelta(seconds=ttl) if ttl else None,
            shots=support.shots,
            steps=work.steps,
            learning_rate=work.learning_rate,
            initialization=dict(adaptation.initialization),
            seed=self.choices.seed,
            loss_curve=adaptation.losses,
            support_accuracy=adaptation.fit,
            validation=expected_accuracy(adaptation, support),
            hardest_images=hardest(support.uploads, adaptation.image_losses),
            near_copies=near_copies(support.uploads, adaptation.near_copies),
            skipped=support.skipped[:MAX_SKIPPED],
            skipped_count=len(support.skipped),
            skipped_why=[each.reason for each in support.left_out[:MAX_SKIPPED]],
            warnings=list(support.warnings),
        )


def initialization(checkpoint: Checkpoint, text: str | None) -> dict[str, float] | None:
    """Return the shares that a request chose of a checkpoint's initializations. Raises InitializationUnsuitable."""
    if text is None:
        return None
    shares, spec = parse_shares(text), checkpoint.metadata.mixture
    try:
        if spec is None:
            raise SupportError(f"Checkpoint {checkpoint.metadata.name} has one initialization. Leave the field out.")
        spec.check(shares)
    except SupportError as error:
        raise InitializationUnsuitable(str(error), field="initialization") from error
    return shares


def check_finite(adaptation: Adaptation) -> None:
    """Raise Diverged for weights that are not numbers, which must not be kept."""
    if not all(math.isfinite(loss) for loss in [*adaptation.losses, *adaptation.image_losses]):
        detail = "The loss grew beyond all numbers. Ask for a smaller learning_rate or fewer steps."
        raise Diverged(detail, field="learning_rate")


def hardest(uploads: Sequence[Upload], losses: Sequence[float]) -> list[ImageLoss]:
    """Return the images with the highest loss, worst first."""
    worst = nsmallest(HARDEST, zip(losses, uploads, strict=True), key=lambda pair: -pair[0])
    return [
        ImageLoss(index=upload.index, filename=upload.filename, label=upload.label, loss=loss) for loss, upload in worst
    ]


def near_copies(uploads: Sequence[Upload], groups: Sequence[Sequence[int]]) -> list[list[ImagePlace]]:
    """Return the images that are near copies of one another, by group."""
    return [
        [ImagePlace(index=one.index, filename=one.filename, label=one.label) for one in map(uploads.__getitem__, group)]
        for group in groups[:MOST_GROUPS]
    ]


def expected_accuracy(adaptation: Adaptation, support: SupportSet) -> ExpectedAccuracy | None:
    """Return the accuracy to expect of new images, if the learner could tell."""
    expected, classes = adaptation.expectation, support.classes
    if expected is None:
        return None
    return ExpectedAccuracy(
        accuracy=expected.accuracy,
        low=expected.low,
        high=expected.high,
        method=METHOD,
        of_classes=dict(zip(classes, expected.of_classes, strict=True)),
        confusions=confusions(expected.signs.taken.tolist(), classes),
        doubtful=doubtful_images(support, expected.doubtful),
        learning_curve=[AccuracyPoint(images=images, accuracy=accuracy) for images, accuracy in expected.curve],
        operating_points=[AnsweredShare(**point._asdict()) for point in expected.operating_points],
    )


def doubtful_images(support: SupportSet, doubts: Sequence[Doubt]) -> list[DoubtfulImage]:
    """Return the images that may have a wrong label."""
    return [
        DoubtfulImage(
            index=image.index,
            filename=image.filename,
            label=image.label,
            taken_for=support.classes[doubt.taken_for],
            probability=doubt.probability,
        )
        for doubt in doubts
        for image in [support.uploads[doubt.place]]
    ]


def confusions(taken: Sequence[Sequence[int]], classes: Sequence[str]) -> list[ConfusedClasses]:
    """Return which classes are taken for which, from counts [N, N] of left-out images, the most frequent first."""
    found = [
        ConfusedClasses(label=label, taken_for=other, images=count, of=sum(row))
        for label, row in zip(classes, taken, strict=True)
        for other, count in zip(classes, row, strict=True)
        if count and other != label
    ]
    return sorted(found, key=lambda each: -each.images)[:MOST_CONFUSIONS]
