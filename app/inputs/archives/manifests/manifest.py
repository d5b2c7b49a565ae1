"""Lists of labels in an archive, and which of its pictures they name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import PurePosixPath

from app import errors
from app.api.labels import by_sight
from app.inputs.archives.faults import archive_error, few, shown
from app.inputs.archives.folder import Folder
from app.inputs.archives.labelling import Labelled, Labelling
from app.inputs.archives.layout import BESIDE, SPLITS
from app.inputs.archives.manifests import documents, records, tables
from app.inputs.archives.manifests.files import Files
from app.inputs.archives.manifests.row import Faulty, Row
from app.inputs.archives.members import Member
from app.store.records import WarnedImage

FORMATS: dict[str, Callable[[str], list[Row] | None]] = {
    ".csv": tables.rows,
    ".tsv": tables.rows,
    ".jsonl": records.rows,
    ".ndjson": records.rows,
    ".json": documents.rows,
}
MOST_BYTES = 4 * 2**20  # of all lists together
BOMS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}


def by_manifest(root: Folder) -> Labelling | None:
    """Return the pictures as lists of labels in the archive label them, or None if there are no such lists.

    Raises ArchiveManifest for a row that names no picture, and for a picture with two labels.
    """
    left, lists = MOST_BYTES, []
    for member in _candidates(root):
        data = member.read(left)
        left -= len(data)
        if left < 0:
            raise _error(
                member, f"is too long: {MOST_BYTES >> 20} MiB of lists are read at most. Shorten it or take it out."
            )
        if rows := _rows(member, data):
            lists.append((member, rows))
    return _labelled(root, lists) if lists else None


def check_unread(root: Folder, label: str) -> None:
    """Raise ArchiveManifest for what may be meant as a list of labels where the folders have but this one label."""
    for member in _candidates(root)[:1]:
        detail = f"is no list of labels that is read here, and all images are in one folder, {label}. "
        raise _error(
            member, f"{detail}Send a CSV with the columns file and label, or a folder of images for each class."
        )


def _candidates(root: Folder) -> list[Member]:
    """Return the files that may be lists, in the archive's order: those of a folder that holds all pictures, or of one
    beside the pictures or for a part of them.
    """
    folders, inner = [root], root
    while len(inner.pictures) > len(inner.loose) and len(inner.with_pictures) == 1 and not inner.loose:
        inner = inner.with_pictures[0]
        folders.append(inner)
    parts = [part for folder in folders for part in folder.folders.values() if part.name.lower() in SPLITS | BESIDE]
    paths = {folder.path for folder in [*folders, *parts]}
    found = [each for each in root.others if each.path.parent in paths and each.path.suffix.lower() in FORMATS]
    return sorted(found, key=lambda member: member.entry.place)


def _rows(member: Member, data: bytes) -> list[Row] | None:
    read = FORMATS[member.path.suffix.lower()]
    try:
        return read(data.decode("utf-8-sig"))
    except Faulty as error:
        raise _error(member, str(error)) from error
    except UnicodeDecodeError:
        if _is_list(read, data):
            raise _error(member, "is not in UTF-8. Save it in UTF-8; spreadsheets call it CSV UTF-8.") from None
        return None


def _is_list(read: Callable[[str], list[Row] | None], data: bytes) -> bool:
    """Say whether this is a list, by what of it can be read in whatever encoding."""
    try:
        return bool(read(data.decode(BOMS.get(data[:2], "latin-1"), "replace")))
    except Faulty:
        return True


def _labelled(root: Folder, lists: Sequence[tuple[Member, Sequence[Row]]]) -> Labelling:
    files = Files.of(root)
    found: dict[PurePosixPath, Labelled] = {}
    unlabelled: dict[PurePosixPath, str] = {}
    for member, rows in lists:
        for row in rows:
            picture, place = _find(files, member, row), f"{shown(member.path)}, {row.place}"
            if row.labels:
                label = _one(member, row, found.get(picture.path))
                found.setdefault(picture.path, Labelled(picture, label, f"The label of {row.file!r:.120} in {place}"))
            else:
                unlabelled[picture.path] = f"{place} gives it no label"
    names = ", ".join(shown(member.path) for member, _ in lists)
    if not found:
        raise _error(lists[0][0], "gives no picture a label. Give each picture one, or take the list out.")
    reasons = {each.path: f"{names} names no such file" for each in root.pictures} | unlabelled
    said = f"The labels are those of {names}, and not the names of folders."
    if passed := [f"{shown(path)}: {why}, another row does" for path, why in unlabelled.items() if path in found]:
        said += f" {few(passed, '; ')}."
    return Labelling(list(found.values()), reasons, [WarnedImage(type="labels-from-list", detail=said)])


def _find(files: Files, member: Member, row: Row) -> Member:
    """Return the picture that a row names. Raises ArchiveManifest if there is none, or more than one."""
    found = files.named(row.file, member.path.parent)
    if len(found) == 1 and not found[0].why_left_out:
        return found[0]
    fault = f"{row.place} names {row.file!r:.120}"
    if not found:
        raise _error(member, f"{fault}, which is not in the archive. Add the file, or take the row out.")
    if len(found) == 1:
        raise _error(member, f"{fault}, which is no picture: {found[0].why_left_out}. Take the row out.")
    raise _error(member, f"{fault}, and there are {len(found)} of that name. Write their paths in the archive.")


def _one(member: Member, row: Row, before: Labelled | None) -> str:
    """Return the label of a row that has any. Raises ArchiveManifest for two, also of an earlier row."""
    all_labels = [*row.labels, *([before.label] if before else [])]
    labels = list({by_sight(label): label for label in all_labels}.values())
    if len(labels) > 1:
        both = " and ".join(f"{label!r:.60}" for label in labels[:2])
        raise _error(member, f"{row.place}: {row.file!r:.120} has the labels {both}. Give each picture one.")
    return labels[0]


def _error(manifest: Member, fault: str) -> errors.AppError:
    return archive_error(errors.ArchiveManifest, f"{shown(manifest.path)}: {fault}", manifest.path)
