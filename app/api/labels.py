"""Labels as people write them."""

from __future__ import annotations

from collections.abc import Sequence

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
    """Return a label as it is kept. Raises LabelInvalid, whose detail names the place and which has `members`."""
    try:
        plain = text.plain(label[: 10 * MAX_LABEL])  # not all of what may be a file sent as text
        if not 1 <= len(plain) <= MAX_LABEL:
            raise ValueError("it is empty" if not plain else "it is too long")
    except ValueError as error:
        detail = f"{place} is {label!r:.120}: {error}. Use 1 to {MAX_LABEL} letters, digits or other signs."
        raise errors.LabelInvalid(detail, **members) from error
    return plain
