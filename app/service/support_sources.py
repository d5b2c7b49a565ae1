"""Where the support set of a new model comes from: the request, or another model's images with changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import torch
from torch import Tensor

from app import errors
from app.api.forms import AdaptForm, Choices, SupportForm, VersionForm
from app.api.labels import known_labels
from app.inputs.kinds.interface import LABELS, Wanted, check_kind
from app.inputs.limits import SetLimits
from app.inputs.support_archive import Kept
from app.inputs.support_set import LeftOut, SupportSet, Upload
from app.service.adaptation import AdaptationTask, initialization
from app.service.model_library import TenantModels
from app.service.service import Service
from app.store.records import WarnedImage


class SupportSource(Protocol):
    """A support set that is still to be read."""

    @property
    def form(self) -> SupportForm:
        """What was sent."""

    async def read(self, service: Service, models: TenantModels) -> AdaptationTask:
        """Read and decode the support set. Raises AppError."""


@dataclass(frozen=True)
class UploadedSupport:
    """The examples of a form for POST /adapt."""

    form: AdaptForm

    async def read(self, service: Service, models: TenantModels) -> AdaptationTask:
        """See SupportSource."""
        form = self.form
        service.engine.require_ready()
        name, checkpoint = service.checkpoints.named(form.checkpoint, form.kinds)
        check_kind(form, checkpoint, name)
        service.limits.check_steps(form.steps)
        initialization(checkpoint, form.initialization)
        watch = service.stopwatch(name)
        with service.engine.expecting(), watch("decode"):
            support, images = await service.reader.support(form, checkpoint.metadata.input, Wanted.by(checkpoint))
        choices = Choices(**form.model_dump(include=set(Choices.model_fields)))
        return AdaptationTask(name, checkpoint, support, images, choices, form.name, watch)


@dataclass(frozen=True)
class EditedSupport:
    """The images of a model without those that the form removes, and with those that it adds."""

    model_id: str
    form: VersionForm

    async def read(self, service: Service, models: TenantModels) -> AdaptationTask:
        """See SupportSource."""
        form = self.form
        service.engine.require_ready()
        service.limits.check_steps(form.steps)
        parent, file = await models.images(self.model_id)
        name = parent.checkpoint.name
        checkpoint = service.checkpoints.matching(parent.id, name, parent.checkpoint.digest)
        spec, wanted = checkpoint.metadata.input, Wanted.by(checkpoint, least_classes=1)
        check_kind(form, checkpoint, name)
        watch = service.stopwatch(name)
        with service.engine.expecting(), watch("decode"):
            kept = without(await service.reader.unpack(file, parent, spec), form)
            adds = form.kinds or form.told or form.archive_encoding
            added = await service.reader.support(form, spec, wanted) if adds else None
        support, images = joined(kept, added, service.reader.limits, spec.field, wanted)
        choices = merged(form, kept.choices)
        return AdaptationTask(name, checkpoint, support, images, choices, form.name or parent.name, watch, parent)


def without(kept: Kept, form: VersionForm) -> Kept:
    """Leave out what the form removes. Raises ImageUnknown or ClassUnknown."""
    gone = set(form.remove)
    _check_indices(form.remove, len(kept.images))
    classes = set(known_labels(form.remove_class, kept.support.classes, "remove_class"))
    left = [upload for upload in kept.support.uploads if upload.index not in gone and upload.label not in classes]
    images = kept.images[torch.tensor([upload.index for upload in left], dtype=torch.long)]
    return replace(kept, support=_in_order(left, kept.support.classes), images=images)


def joined(
    kept: Kept,
    added: tuple[SupportSet, Tensor] | None,
    limits: SetLimits,
    kind: str = "images",
    wanted: Wanted = LABELS,
) -> tuple[SupportSet, Tensor]:
    """Return the examples that are kept, then those added.

    Raises TooManyImages, TooManyTexts or TooManyInputs, TooFewClasses or TooManyClasses; InputsMissing if none is left
    of those with targets.
    """
    support, images = kept.support, kept.images
    if added:
        more, their_images = added
        classes = [*support.classes, *more.classes]
        warnings = [_shifted(warning, len(support.uploads)) for warning in more.warnings]
        support = _in_order([*support.uploads, *more.uploads], classes, more.left_out, warnings)
        images = torch.cat([images, their_images])
    limits.check_examples(len(images), kind, kind)
    if not wanted.targets:
        limits.check_classes(support.classes, kind, kind=kind)
    elif not support.uploads:
        raise errors.InputsMissing("No input would be left. Leave one, or add others.", field="remove")
    return support, images


def _shifted(warning: WarnedImage, first: int) -> WarnedImage:
    """Return a warning of an image that comes after so many others."""
    return warning if warning.index is None else warning.model_copy(update={"index": first + warning.index})


def merged(form: VersionForm, parent: Choices) -> Choices:
    """Return the form's choices, and the parent's where the form makes none."""
    own = {name: getattr(form, name) for name in Choices.model_fields if getattr(form, name) is not None}
    return parent.model_copy(update=own)


def _check_indices(indices: Sequence[int], images: int) -> None:
    for place, index in enumerate(indices):
        if not 0 <= index < images:
            detail = (
                f"remove[{place}] is {index}; the model has the images 0 to {images - 1}. "
                "GET /models/{id}/images lists them."
            )
            raise errors.ImageUnknown(detail, field="remove", index=place)


def _in_order(
    found: Sequence[Upload],
    classes: Sequence[str],
    left_out: Sequence[LeftOut] = (),
    warnings: Sequence[WarnedImage] = (),
) -> SupportSet:
    """Return a support set of these, numbered anew, and of the classes those that have images, in their order."""
    labels = {upload.label for upload in found}
    order = [label for label in dict.fromkeys(classes) if label in labels]
    uploads = [replace(upload, index=index) for index, upload in enumerate(found)]
    return SupportSet(uploads, order, list(left_out), warnings)
