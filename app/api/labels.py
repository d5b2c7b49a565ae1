"""Labels as people write them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from app import errors
from kshot import text

MAX_LABEL = 100


def check_labels(labels: Sequence[str], examples: int, kind: str = "images") -> list[str]:
    """Return the field `labels` as it is kept, one label for each example. Raises LabelsMismatch or LabelInvalid."""
    if len(labels) != examples:
        counts = f"There are {examples} {kind} and {len(labels)} labels."
        detail = f"{counts} Send one label for each of the {kind}, in the same order."
        raise errors.LabelsMismatch(detail, field="labels")
    return check_each(
        (label, f"labels[{index}]", {"field": "labels", "index": index}) for index, label in enumerate(labels)
    )


def check_each(labels: Iterable[tuple[str, str, Mapping[str, object]]]) -> list[str]:
    """Return labels as they are kept, which is as people see them.

    Each comes with its place, for the detail of an error about it, and with the error's members. Raises LabelInvalid
    for the first at fault, which names the others.
    """
    kept, faults = [], []
    for label, place, members in labels:
        try:
            kept.append(_checked(label, place, members))
        except errors.LabelInvalid as fault:
            faults.append(fault)
    if faults:
        raise faults[0].among(faults)
    return kept


def _checked(label: str, place: str, members: Mapping[str, object]) -> str:
    try:
        seen = _seen(label)
        if not 1 <= len(seen) <= MAX_LABEL:
            raise ValueError("it is empty" if not seen else "it is too long")
    except ValueError as error:
        detail = f"{place} is {label!r:.120}: {error}. Use 1 to {MAX_LABEL} letters, digits or other signs."
        raise errors.LabelInvalid(detail, **members) from error
    return seen


def known_labels(labels: Sequence[str], classes: Sequence[str], field: str) -> list[str]:
    """Return the classes that labels name, compared as people see them. Raises ClassUnknown for one that names none."""
    seen = {by_sight(each): each for each in classes}
    return [_known(label, classes, seen, field) for label in labels]


def _known(label: str, classes: Sequence[str], seen: Mapping[str, str], field: str) -> str:
    if label in classes:
        return label
    if found := seen.get(by_sight(label)):
        return found
    detail = f"There is no class {label!r:.120}; the model has: {', '.join(classes)}."
    raise errors.ClassUnknown(detail, field=field)


def by_sight(label: str) -> str:
    """Return what people see of a label, by which labels are compared; of what is no text, all."""
    try:
        return _seen(label)
    except ValueError:
        return label


def _seen(label: str) -> str:
    """Return a label as people see it. Raises ValueError for no text, and for what may be a file sent as text."""
    if len(label) > 4 * MAX_LABEL:
        raise ValueError("it is too long")
    return text.seen(label)
