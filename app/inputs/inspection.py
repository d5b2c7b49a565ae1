"""What an archive or a number of images holds, as the network will see it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from app import errors
from app.inputs.archives.faults import few
from app.inputs.decoding import Decoded
from app.inputs.support_set import LeftOut, SupportSet
from models.inputs.interface import Input


@dataclass(frozen=True)
class Inspected:
    """The images that can be used, those that can't among what was left out, and the former as `keep` gives them."""

    support: SupportSet
    pictures: Sequence[bytes]
    """None of them, if they weren't asked for."""


def inspected(support: SupportSet, found: Iterable[Decoded], spec: Input | None) -> Inspected:
    """Return a support set with its images decoded; `spec` gives their pictures. Raises ImageError for a lost class."""
    taken, pictures, faulty, warnings = [], [], [], [*support.warnings]
    for each in found:
        warnings += each.warnings
        if each.fault:
            faulty.append(each)
        else:
            taken.append(each.upload)
            pictures += [spec.keep(each.example)] if spec else []
    lost = set(support.classes) - {upload.label for upload in taken}
    for label in support.classes:
        if label in lost:
            raise _emptied(label, [each for each in faulty if each.upload.label == label])
    left_out = [*support.left_out, *map(_left_out, faulty)]
    return Inspected(replace(support, uploads=taken, left_out=left_out, warnings=warnings), pictures)


def _left_out(faulty: Decoded) -> LeftOut:
    return LeftOut(faulty.upload.filename, _reason(faulty), faulty.upload.index)


def _reason(faulty: Decoded) -> str:
    """Return why an image can't be used, as is said of other files."""
    return f"it{str(faulty.fault).removeprefix(faulty.upload.place).rstrip('.')}"


def _emptied(label: str, faulty: Sequence[Decoded]) -> errors.AppError:
    """Return the error about a class none of whose images can be used."""
    files: dict[str, list[str]] = {}
    for each in faulty:
        files.setdefault(_reason(each), []).append(each.upload.filename)
    why = few([f"{few(names)}: {reason}" for reason, names in files.items()], "; ")
    detail = f"No picture of the class {label!r} can be used ({why}). Put others into it, or leave the class out."
    kind = next(type(each.fault) for each in faulty if each.fault)
    return faulty[0].upload.error(kind, detail)
