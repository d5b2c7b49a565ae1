"""Labels as people write them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from app import errors
from kshot import text

MAX_LABEL = 100


def check_labels(labels: Sequence[str], images: int) -> list[str]:
    """Return the field `labels` as it is kept, one label for each image. Raises LabelsMismatch or LabelInvalid."""
    if len(labels) != images:
        counts = f"There are {images} images and {len(labels)} labels."
        detail = f"{counts} Send one label for each image, in the same order."
        raise errors.LabelsMismatch(detail, field="labels")
    return [check_label(label, f"labels[{index}]", field="labels", index=index) for index, label in enumerate(labels)]


def check_label(label: str, place: str, **members: object) -> str:
    """Return a label as it is kept, which is as people see it.

    Raises LabelInvalid, whose detail names the place and which has `members`.
    """
    try:
        seen = text.seen(label[: 10 * MAX_LABEL])  # not all of what may be a file sent as text
        if not 1 <= len(seen) <= MAX_LABEL:
            raise ValueError("it is empty" if not seen else "it is too long")
    except ValueError as error:
        detail = f"{place} is {label!r:.120}: {error}. Use 1 to {MAX_LABEL} letters, digits or other signs."
        raise errors.LabelInvalid(detail, **members) from error
    return seen


def known_labels(labels: Sequence[str], classes: Sequence[str], field: str) -> list[str]:
    """Return the classes that labels name, compared as people see them. Raises ClassUnknown for one that names none."""
    by_sight = {_by_sight(each): each for each in classes}
    return [_known(label, classes, by_sight, field) for label in labels]


def _known(label: str, classes: Sequence[str], by_sight: Mapping[str, str], field: str) -> str:
    if label in classes:
        return label
    if found := by_sight.get(_by_sight(label)):
        return found
    detail = f"There is no class {label!r:.120}; the model has: {', '.join(classes)}."
    raise errors.ClassUnknown(detail, field=field)


def _by_sight(label: str) -> str:
    try:
        return text.seen(label)
    except ValueError:
        return label
