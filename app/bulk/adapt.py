"""Make a model of any number of labelled pictures, and keep it where a server finds it."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from app.bulk.decoding import EntryDecoder
from app.bulk.predict import BLOCK
from app.bulk.support import LabelledSource
from app.errors import SupportUnsuitable
from app.inputs.support_set import LeftOut, SupportSet, Upload
from app.service.adaptation import MOST_CONFUSIONS, doubtful_images
from app.store import Stored, new_id
from app.store.records import AnsweredShare, CheckpointReference, ConfusedClasses, ExpectedAccuracy, ModelRecord
from kshot.types import MAX_SKIPPED
from models.estimates.cross_validation import Signs
from models.estimates.expected.accuracy import MOST, NINETY_PERCENT
from models.estimates.expected.doubtful import doubtful
from models.estimates.expected.operating_points import operating_points
from models.large_sets.adaptation import LargeAdaptation, adapt_large
from models.large_sets.array_file import ArrayFile
from models.large_sets.head import SolvedHead
from models.learner import Learner

METHOD = "a fifth of each class, held out"
EVERY = 5
"""Held-out examples of a class that count as much as all other classes' for what is expected of it."""


class Progress(Protocol):
    """Follows an adaptation."""

    def follow(self, what: str, done: int, total: int) -> None:
        """Take note of what is being done, and of how much of that is."""


@dataclass(frozen=True)
class Wanted:
    """What the user chose."""

    name: str | None = None
    steps: int | None = None


def adapt(
    learner: Learner,
    support: SupportSet,
    pictures: LabelledSource,
    decoder: EntryDecoder,
    wanted: Wanted,
    progress: Progress,
) -> Stored:
    """Return the model of a support set, and its record. Raises SupportUnsuitable or SupportError.

    What the network takes of the pictures is on the disk meanwhile, in the folder for temporary files: some 30 KB each.
    """
    takes = learner.checkpoint.metadata.network.takes
    with tempfile.TemporaryDirectory(prefix="kshot-bulk-") as name, ArrayFile(Path(name, "encoded"), takes) as encoded:
        support = _encoded(learner, support, pictures, decoder, encoded, progress)
        labels, ways = torch.tensor(support.labels), len(support.classes)
        made = adapt_large(learner, encoded, labels, ways, Path(name), progress.follow, steps=wanted.steps)
    tensors = {key: tensor.contiguous() for key, tensor in made.adapted.tensors.items()}
    return Stored(_record(learner, support, made, wanted), tensors)


def _encoded(
    learner: Learner,
    support: SupportSet,
    pictures: LabelledSource,
    decoder: EntryDecoder,
    encoded: ArrayFile,
    progress: Progress,
) -> SupportSet:
    """Encode the pictures to a file, and return the support set without those that can't be used."""
    taken: list[Upload] = []
    faults: list[LeftOut] = []
    uploads = iter(support.uploads)
    for block in decoder.blocks(pictures, 0, BLOCK):
        examples = []
        for (_, found), upload in zip(block, uploads, strict=False):
            if isinstance(found, Tensor):
                examples.append(found)
                taken.append(replace(upload, index=len(taken)))
            else:
                faults.append(LeftOut(upload.filename, found.removeprefix(f"{upload.filename} "), upload.index))
        if examples:
            encoded.append(learner.encode(torch.stack(examples)).cpu())
        progress.follow("Encoding pictures", len(taken) + len(faults), len(support.uploads))
    lost = set(support.classes) - {upload.label for upload in taken}
    if lost:
        label = min(lost)
        why = next(each.reason for each in faults if support.uploads[each.index or 0].label == label)
        remedy = "Put others into it, or leave the class out."
        raise SupportUnsuitable(f"No picture of the class {label!r} can be used (one {why}). {remedy}")
    return replace(support, uploads=taken, left_out=[*support.left_out, *faults])


def _record(learner: Learner, support: SupportSet, made: LargeAdaptation, wanted: Wanted) -> ModelRecord:
    checkpoint = learner.checkpoint
    return ModelRecord(
        id=new_id(),
        name=wanted.name,
        checkpoint=CheckpointReference(name=checkpoint.metadata.name, digest=checkpoint.digest),
        classes=support.classes,
        created_at=datetime.now(UTC),
        shots=support.shots,
        steps=made.steps,
        learning_rate=checkpoint.metadata.inner.learning_rate,
        initialization=made.initialization,
        loss_curve=made.losses,
        support_accuracy=made.head.right,
        validation=_validation(made.head, support),
        hardest_images=[],
        skipped=support.skipped[:MAX_SKIPPED],
        skipped_count=len(support.skipped),
        skipped_why=[each.reason for each in support.left_out[:MAX_SKIPPED]],
        warnings=list(support.warnings),
    )


def _validation(head: SolvedHead, support: SupportSet) -> ExpectedAccuracy | None:
    """Return what the held-out pictures say of new ones; None if no class had one to spare."""
    signs, classes = head.signs, support.classes
    count = len(signs.own)
    if not count:
        return None
    accuracy = min(MOST, head.accuracy)
    reach = NINETY_PERCENT * (accuracy * (1 - accuracy) / count) ** 0.5
    return ExpectedAccuracy(
        accuracy=accuracy,
        low=max(0.0, accuracy - reach),
        high=min(1.0, accuracy + reach),
        method=METHOD,
        of_classes=_of_classes(signs, accuracy, classes),
        confusions=_confusions(signs, classes),
        doubtful=doubtful_images(support, doubtful(signs)),
        operating_points=[AnsweredShare(**point._asdict()) for point in operating_points(signs, head.temperature)],
    )


def _of_classes(signs: Signs, accuracy: float, classes: Sequence[str]) -> dict[str, float | None]:
    """Return what to expect of each class: between the accuracy of all and what its own held-out pictures tell."""
    right = (signs.scores.argmax(dim=1) == signs.own).float()
    sizes = torch.bincount(signs.own, minlength=len(classes))
    hits = torch.zeros(len(classes)).index_add_(0, signs.own, right)
    found = ((hits + EVERY * accuracy) / (sizes + EVERY)).clamp_max(MOST).tolist()
    told = zip(classes, found, sizes.tolist(), strict=True)
    return {label: each if size else None for label, each, size in told}


def _confusions(signs: Signs, classes: Sequence[str]) -> list[ConfusedClasses]:
    """Return which classes are taken for which most often."""
    pairs = Counter(zip(signs.own.tolist(), signs.scores.argmax(dim=1).tolist(), strict=True))
    sizes = Counter(signs.own.tolist())
    wrong = [(count, own, said) for (own, said), count in pairs.most_common() if own != said]
    return [
        ConfusedClasses(label=classes[own], taken_for=classes[said], images=count, of=sizes[own])
        for count, own, said in wrong[:MOST_CONFUSIONS]
    ]
