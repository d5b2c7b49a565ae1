"""What is kept of models, their images and the requests for them: documents with a format of their own.

They are not what HTTP answers: app.service.answers makes answers of them. To change a record so that older
documents lack something, add a step to its `updates` that gives it to them, and files as the new build writes them to
tests/data/records, where those of every version lie.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from app.store.documents import Part, Record, is_newer, read_document


class CheckpointReference(Part):
    """The checkpoint that a model was adapted from."""

    name: str
    digest: str


class ImagePlace(Part):
    """A support image, by its place among them."""

    index: int
    filename: str
    label: str


class ImageLoss(ImagePlace):
    """The cross-entropy, in nats, of a support image after adapting."""

    loss: float


class WarnedImage(Part):
    """An image that was taken, of its request, or None for all, though there is something to say about it."""

    type: str
    index: int | None = None
    filename: str | None = None
    detail: str


class AccuracyPoint(Part):
    """The accuracy that so many images a class would have given, 0 to 1."""

    images: int
    accuracy: float


class ConfusedClasses(Part):
    """How many of a class's images, when they were left out, were taken for another class's."""

    label: str
    taken_for: str
    images: int
    of: int


class DoubtfulImage(ImagePlace):
    """A support image that was taken for another class's when it was left out, and how likely its own was, 0 to 1."""

    taken_for: str
    probability: float


class AnsweredShare(Part):
    """How much is answered from a score on, and how much of that is right (None if nothing is), 0 to 1."""

    min_score: float
    answered: float
    right: float | None


class ExpectedAccuracy(Part):
    """The accuracy to expect of new images, 0 to 1, and how it was estimated."""

    accuracy: float
    method: str
    learning_curve: list[AccuracyPoint] = []
    low: float | None = None
    high: float | None = None
    of_classes: dict[str, float | None] = {}
    confusions: list[ConfusedClasses] = []
    doubtful: list[DoubtfulImage] = []
    operating_points: list[AnsweredShare] = []


class ShareRecord(Part):
    """A token that may predict with the model until it expires, by the SHA-256 of the token."""

    id: str
    name: str | None = None
    digest: str
    created_at: datetime
    expires_at: datetime


class ModelRecord(Record):
    """What is kept of an adapted model beside its tensors."""

    kind = "model"

    id: str
    name: str | None = None
    checkpoint: CheckpointReference
    classes: list[str]
    created_at: datetime
    expires_at: datetime | None = None
    parent: str | None = None
    version: int = 1
    """The model's among those made from one another; the document's is `format_version`."""
    shots: dict[str, int]
    steps: int
    learning_rate: float
    initialization: dict[str, float] = {}
    seed: int | None = None
    loss_curve: list[float]
    support_accuracy: float
    validation: ExpectedAccuracy | None = None
    hardest_images: list[ImageLoss]
    min_scores: dict[str, float] = {}
    near_copies: list[list[ImagePlace]] = []
    skipped: list[str] = []
    skipped_count: int = 0
    skipped_why: list[str] = []
    warnings: list[WarnedImage] = []
    images_kept: bool = False
    shares: list[ShareRecord] = []


class AdaptationChoices(Part):
    """What the request for a model chose; None where it left the choice to the server."""

    steps: int | None = None
    learning_rate: float | None = None
    initialization: str | None = None
    class_weights: Literal["balanced", "frequency"] | None = None
    seed: int | None = None
    ttl_seconds: int | None = None
    keep_images: bool | None = None


class SupportRecord(Record):
    """What is kept beside a model's images: of each its file name, and the place of its label among the classes.

    Of those that have numbers to estimate instead of a label, these.
    """

    kind = "list of the model's images"

    filenames: list[str]
    labels: list[int]
    choices: AdaptationChoices
    targets: list[list[float]] = []


class IntentRecord(Record):
    """What an Idempotency-Key stands for: the request it came with, and the id of the model that answers it."""

    kind = "request with this Idempotency-Key"

    fingerprint: str
    model_id: str


class AdaptDurations(Part):
    """Where the time of a request for a model went, in milliseconds."""

    decode: float
    queue: float
    encode: float
    adapt: float
    store: float


class AnswerRecord(ModelRecord):
    """The first answer to a request with an Idempotency-Key: the model as it was then."""

    kind = "answer to this Idempotency-Key"

    timings_ms: AdaptDurations


def is_too_new_to_forget(contents: bytes) -> bool:
    """Say whether a record of a request, an intent or an answer, is a newer build's."""
    try:
        return is_newer(read_document(contents), IntentRecord, AnswerRecord)
    except ValueError:
        return False
