"""A model's support set with images taken out and others put in; and a model under other names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from app import errors
from app.api.forms import Choices, VersionForm
from app.inputs import support_set
from app.inputs.support_archive import Kept
from app.inputs.support_set import SupportSet, Upload
from app.settings import Settings
from app.store.records import ModelRecord
from kshot.types import Names


def without(kept: Kept, form: VersionForm) -> Kept:
    """Leaves out what the form removes. Raises ImageUnknown or ClassUnknown."""
    gone = set(form.remove)
    _check_indices(form.remove, len(kept.images))
    classes = set(_known(form.remove_class, kept.support.classes, "remove_class"))
    left = [upload for upload in kept.support.uploads if upload.index not in gone and upload.label not in classes]
    images = kept.images[torch.tensor([upload.index for upload in left], dtype=torch.long)]
    return replace(kept, support=_in_order(left, kept.support.classes, []), images=images)


def joined(kept: Kept, added: tuple[SupportSet, Tensor] | None, settings: Settings) -> tuple[SupportSet, Tensor]:
    """What is kept and what is added, in this order. Raises TooManyImages, TooFewClasses or TooManyClasses."""
    support, images = kept.support, kept.images
    if added:
        more, their_images = added
        classes = [*support.classes, *more.classes]
        support = _in_order([*support.uploads, *more.uploads], classes, more.skipped)
        images = torch.cat([images, their_images])
    support_set.check_count(len(images), "images", settings)
    support_set.check_classes(support.classes, "images", settings)
    return support, images


def choices(form: VersionForm, parent: Choices) -> Choices:
    """The form's, and the parent's where the form has none."""
    own = {name: getattr(form, name) for name in Choices.model_fields if getattr(form, name) is not None}
    return parent.model_copy(update=own)


def renamed(model: ModelRecord, names: Names) -> ModelRecord:
    """The model by its new names. Raises ClassUnknown, LabelInvalid or ClassesClash."""
    _known(names.classes, model.classes, "classes")
    new = {
        old: support_set.check_label(label, f"classes[{old}]", field="classes") for old, label in names.classes.items()
    }
    classes = [new.get(label, label) for label in model.classes]
    if twice := [label for label, times in Counter(classes).items() if times > 1]:
        detail = f"{twice[0]!r} would name two classes. Give each its own name."
        raise errors.ClassesClash(detail, field="classes")
    return model.model_copy(
        update={
            "name": names.name if "name" in names.model_fields_set else model.name,
            "classes": classes,
            "shots": {new.get(label, label): shots for label, shots in model.shots.items()},
            "hardest_images": [
                image.model_copy(update={"label": new.get(image.label, image.label)}) for image in model.hardest_images
            ],
        }
    )


def _check_indices(indices: Sequence[int], images: int) -> None:
    for place, index in enumerate(indices):
        if not 0 <= index < images:
            detail = f"remove[{place}] is {index}; the model has the images 0 to {images - 1}. See its /images."
            raise errors.ImageUnknown(detail, field="remove", index=place)


def _known(labels: Sequence[str] | dict[str, str], classes: Sequence[str], field: str) -> list[str]:
    for label in labels:
        if label not in classes:
            detail = f"There is no class {label!r:.120}; the model has: {', '.join(classes)}."
            raise errors.ClassUnknown(detail, field=field)
    return list(labels)


def _in_order(found: Sequence[Upload], classes: Sequence[str], skipped: list[str]) -> SupportSet:
    """A support set of these, numbered anew; of the classes those that have images, in their order."""
    labels = {upload.label for upload in found}
    order = [label for label in dict.fromkeys(classes) if label in labels]
    return SupportSet([replace(upload, index=index) for index, upload in enumerate(found)], order, skipped)
