"""The pictures of an archive with their labels, from folders or from a manifest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from app.api.labels import check_each
from app.inputs.archives.faults import few, shown
from app.inputs.archives.folder import Folder
from app.inputs.archives.layout import class_folders
from app.inputs.archives.members import Member
from app.inputs.support_set import Upload
from app.store.records import WarnedImage


@dataclass(frozen=True)
class Labelled:
    """A picture, its label as the archive spells it, and where that stands."""

    member: Member
    label: str
    place: str


@dataclass(frozen=True)
class Labelling:
    """Labelled pictures, why others have no label, and what is to be said of it."""

    pictures: Sequence[Labelled]
    unlabelled: Mapping[PurePosixPath, str] = field(default_factory=dict)
    warnings: Sequence[WarnedImage] = ()


def by_folders(root: Folder) -> Labelling:
    """Return the pictures labelled by the folders that they are in. Raises ArchiveLayout."""
    layout = class_folders(root)
    pictures = [
        Labelled(member, _spelled(folder, member), f"The folder of {shown(member.path)}")
        for folder in layout.folders
        for member in folder.pictures
    ]
    return Labelling(pictures, {each.path: "it is in no class's folder" for each in layout.loose}, layout.warnings)


def _spelled(folder: Folder, member: Member) -> str:
    """Return the name of a folder as the path of a file in it has it."""
    return member.spelled.parts[len(folder.path.parts) - 1]


def uploads(pictures: Sequence[Labelled]) -> list[Upload]:
    """Return pictures with their labels as they are kept. Raises LabelInvalid."""
    names = [shown(picture.member.path) for picture in pictures]
    labels = check_each(
        (picture.label, picture.place, {"field": "archive", "index": index, "filename": name})
        for index, (picture, name) in enumerate(zip(pictures, names, strict=True))
    )
    return [Upload("archive", index, *each) for index, each in enumerate(zip(names, labels, strict=True))]


def warnings_of_labels(pictures: Sequence[Labelled], kept: Sequence[Upload]) -> list[WarnedImage]:
    """Say which labels became one as they were cleaned, and which differ in case alone."""
    written: dict[str, set[str]] = {}
    for picture, upload in zip(pictures, kept, strict=True):
        written.setdefault(upload.label, set()).add(picture.label)
    joined = [label for label, ways in written.items() if len(ways) > 1]
    alike: dict[str, list[str]] = {}
    for label in written:
        alike.setdefault(label.casefold(), []).append(label)
    cases = [" and ".join(sorted(labels)) for labels in alike.values() if len(labels) > 1]
    warnings = []
    if joined:
        detail = (
            "Labels that look the same, but for blanks, marks nobody sees or how accents are written, were joined: "
            f"{few(joined)}."
        )
        warnings.append(WarnedImage(type="labels-joined", detail=detail))
    if cases:
        detail = f"Labels that differ in capitals alone are classes of their own: {few(cases)}."
        warnings.append(WarnedImage(type="labels-alike", detail=detail))
    return warnings
