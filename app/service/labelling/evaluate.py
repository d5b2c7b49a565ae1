"""See how a model does on labelled pictures, of which nothing is kept."""

from __future__ import annotations

from collections.abc import Sequence
from heapq import nlargest
from math import sqrt
from operator import attrgetter

import torch
from torch import Tensor

from app import errors
from app.api.forms import EvaluateForm
from app.api.labels import by_sight
from app.engine.work import PredictWork
from app.inputs.kinds.interface import Wanted, check_classifies
from app.inputs.support_set import SupportSet, Upload
from app.service import answers
from app.service.service import AskedModel, Service
from app.store.records import ModelRecord
from app.tenants.tenant import Tenant
from kshot.labelling.evaluation import MOST_MISTAKES, ClassShare, Evaluation, Mistake, Share, UnknownLabel
from kshot.predictions import PredictTimings
from models.initializations.adapted import Answers

NINETY_FIVE_PERCENT = 1.96
"""Standard deviations of a normal distribution to either side of its mean that hold 95 % of it."""


async def evaluate(service: Service, tenant: Tenant, model_id: str, form: EvaluateForm) -> Evaluation:
    """Return how a model of the tenant does on labelled pictures. Raises AppError."""
    async with service.asking(tenant, model_id, form) as asked:
        return await _evaluate(service, tenant, form, asked)


async def _evaluate(service: Service, tenant: Tenant, form: EvaluateForm, asked: AskedModel) -> Evaluation:
    model, checkpoint, watch = asked.record, asked.checkpoint, asked.watch
    check_classifies(checkpoint, model.checkpoint.name)
    with service.engine.expecting(), watch("decode"):
        support, images = await service.reader.support(form, checkpoint.metadata.input, Wanted(least_classes=1))
    places = _places(support, model.classes, form)
    work = PredictWork(checkpoint=model.checkpoint.name, images=images, adapted=asked.adapted, transductive=False)
    said = await service.run(work, tenant, watch)
    timings = PredictTimings(**watch.ms)
    return await service.workers.run(evaluation, model, support, torch.tensor(places), said, timings)


def _places(support: SupportSet, classes: Sequence[str], form: EvaluateForm) -> list[int]:
    """Return each picture's class by its place in the model, compared as people see labels; −1 for none of them.

    Raises ClassUnknown where that is to fail, or no label is one of the model's.
    """
    seen = {by_sight(each): place for place, each in enumerate(classes)}
    places = [seen.get(by_sight(upload.label), -1) for upload in support.uploads]
    if -1 in places and (form.unknown_labels == "fail" or max(places) < 0):
        unknown = dict.fromkeys(
            upload.label for upload, place in zip(support.uploads, places, strict=True) if place < 0
        )
        named = ", ".join(f"{each!r:.120}" for each in [*unknown][:10]) + (" and others" if len(unknown) > 10 else "")
        remedy = "Leave these pictures out, or send unknown_labels=report to have them counted apart."
        detail = f"The model has no class {named}; it has: {', '.join(classes)}. {remedy}"
        raise errors.ClassUnknown(detail, field="archive" if form.archive else "table" if form.table else "labels")
    return places


def evaluation(
    model: ModelRecord, support: SupportSet, own: Tensor, said: Answers, timings: PredictTimings
) -> Evaluation:
    """Return what comes of a model's answers about pictures of the classes own [Q], −1 for none of the model's."""
    ways, of_model = len(model.classes), own >= 0
    found = said.probabilities.argmax(dim=1)
    pairs = own[of_model] * ways + found[of_model]
    confusion = torch.bincount(pairs, minlength=ways * ways).view(ways, ways)
    of_classes = _of_classes(model.classes, confusion)
    known = said.looks.known
    wrong = (of_model & (found != own)).nonzero().flatten().tolist()
    mistakes = [_mistake(support.uploads[place], place, own, found, said, model.classes) for place in wrong]
    whole = share(int(confusion.trace()), int(of_model.sum()))
    return Evaluation(
        **dict(whole),
        model_id=model.id,
        checkpoint=answers.checkpoint_reference(model.checkpoint),
        balanced_accuracy=sum(each.accuracy for each in of_classes) / len(of_classes),
        known=None if known is None else int(known[of_model].sum()),
        of_classes=of_classes,
        classes=model.classes,
        confusion=confusion.tolist(),
        mistakes=nlargest(MOST_MISTAKES, mistakes, key=attrgetter("score")),
        unknown_labels=_unknown(support.uploads, own.tolist(), known),
        warnings=[answers.image_warning(image) for image in support.warnings],
        timings_ms=timings,
    )


def share(right: int, images: int) -> Share:
    """Return a share with its 95 % interval (Wilson 1927, equation 5 solved for the probability)."""
    accuracy, z2 = right / images, NINETY_FIVE_PERCENT**2
    middle = (accuracy + z2 / (2 * images)) / (1 + z2 / images)
    reach = NINETY_FIVE_PERCENT * sqrt(accuracy * (1 - accuracy) / images + z2 / (4 * images**2)) / (1 + z2 / images)
    # Of all or none right the ends are 1 and 0, which rounding would miss.
    low, high = (0.0 if right == 0 else middle - reach), (1.0 if right == images else middle + reach)
    return Share(images=images, right=right, accuracy=accuracy, low=low, high=high)


def _of_classes(classes: Sequence[str], confusion: Tensor) -> list[ClassShare]:
    """Return the classes that have pictures, from counts [N, N]."""
    counts = confusion.diagonal().tolist(), confusion.sum(dim=1).tolist(), confusion.sum(dim=0).tolist()
    return [_of_class(*row) for row in zip(classes, *counts, strict=True) if row[2]]


def _of_class(label: str, right: int, images: int, said: int) -> ClassShare:
    precision = right / said if said else None
    return ClassShare(**dict(share(right, images)), label=label, said=said, precision=precision)


def _mistake(upload: Upload, place: int, own: Tensor, found: Tensor, said: Answers, classes: Sequence[str]) -> Mistake:
    scores, known = said.probabilities[place], said.looks.known
    return Mistake(
        index=upload.index,
        filename=upload.filename,
        label=classes[int(own[place])],
        said=classes[int(found[place])],
        score=float(scores[found[place]]),
        own_score=float(scores[own[place]]),
        known=None if known is None else bool(known[place]),
    )


def _unknown(uploads: Sequence[Upload], own: Sequence[int], known: Tensor | None) -> list[UnknownLabel]:
    """Return the labels that aren't the model's, in order of first appearance."""
    places: dict[str, list[int]] = {}
    for place, (upload, number) in enumerate(zip(uploads, own, strict=True)):
        if number < 0:
            places.setdefault(upload.label, []).append(place)
    return [
        UnknownLabel(label=label, images=len(those), known=None if known is None else int(known[those].sum()))
        for label, those in places.items()
    ]
