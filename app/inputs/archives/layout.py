"""Which folders of an archive are its classes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from app import errors
from app.inputs.archives.faults import archive_error, few, shown
from app.inputs.archives.folder import Folder
from app.inputs.archives.members import Member
from app.store.records import WarnedImage

SPLITS = {"train", "training", "valid", "validation", "val", "dev", "test", "testing"}
# Folders of these names lie beside the one that holds the classes.
BOXES = {"annotations", "labels"}
BESIDE = BOXES | {"docs", "metadata"}
REMEDY = "Send a folder of pictures for each class."


@dataclass
class Layout:
    """The class folders, pictures that are in none of them, and what is to be said of it."""

    folders: list[Folder]
    loose: list[Member] = field(default_factory=list)
    warnings: list[WarnedImage] = field(default_factory=list)


def class_folders(root: Folder) -> Layout:
    """Return the layout: the class folders are in the innermost folder that holds all of them.

    Raises ArchiveLayout where that can't be told, and for a class's folder without a picture.
    """
    loose: list[Member] = []
    (top,) = _unwrapped([root], loose)
    layout = _joined_splits(top, loose) if _are_splits(top.with_pictures) else Layout(_classes([top]), loose)
    _check_loose(layout)
    layout.warnings += _warnings_of_subfolders(layout.folders)
    return layout


def _unwrapped(tops: list[Folder], loose: list[Member]) -> list[Folder]:
    """Go into the folder that holds everything, of the same name in each of these; pictures beside it are loose."""
    while True:
        loose += [picture for top in tops for picture in top.loose]
        inner = [folder for top in tops for folder in top.with_pictures]
        wraps = len(inner) == len(tops) and len({folder.name for folder in inner}) == 1
        if not wraps or not all(folder.with_pictures for folder in inner):
            return tops
        for other in (folder for top in tops for folder in top.without_pictures):
            if other.name.lower() not in BESIDE:
                raise _emptied(other)
        tops = inner


def _classes(tops: Sequence[Folder]) -> list[Folder]:
    """Return the folders in these that hold pictures.

    Raises ArchiveLayout for one that holds none, and that has no namesake which does: a class is lost then.
    """
    full = [folder for top in tops for folder in top.with_pictures]
    there = {folder.name for folder in full}
    for folder in (folder for top in tops for folder in top.without_pictures):
        if folder.name not in there:
            raise _emptied(folder)
    return full


def _emptied(folder: Folder) -> errors.AppError:
    """Return the error about a folder without pictures, which says why its files are none."""
    why = few([f"{shown(each.path)}: {each.why_left_out}" for each in folder.others], "; ") or "it is empty"
    detail = f"The folder {shown(folder.path)} holds no picture ({why})."
    remedy = "Put pictures that are read here into it, or take it out of the archive."
    if folder.name.lower() in BOXES:
        remedy = "If this was exported for finding objects, export it for classification: a folder for each class."
    return archive_error(errors.ArchiveLayout, f"{detail} {remedy}", folder.path)


def _are_splits(folders: Sequence[Folder]) -> bool:
    """Whether folders are parts of a data set, as Roboflow and others name them. Raises ArchiveLayout if in doubt."""
    splits = [folder for folder in folders if folder.name.lower() in SPLITS]
    if len(splits) < 2:
        return False
    if not any(folder.with_pictures for folder in splits) and len(splits) < len(folders):
        return False  # classes, two of which have such names
    for folder in folders:
        if folder not in splits or not folder.with_pictures:
            names = ", ".join(each.name for each in splits)
            detail = (
                f"The folders {names} look like the parts of a data set, but {shown(folder.path)} holds no folder "
                f"for each class as they do. {REMEDY}"
            )
            raise archive_error(errors.ArchiveLayout, detail, folder.path)
    return True


def _joined_splits(top: Folder, loose: list[Member]) -> Layout:
    folders = _classes(_unwrapped(top.with_pictures, loose))
    names = ", ".join(shown(split.path) for split in top.with_pictures)
    detail = f"The folders {names} are parts of one data set: their classes were joined."
    return Layout(folders, loose, [WarnedImage(type="splits-joined", detail=detail)])


def _check_loose(layout: Layout) -> None:
    """Raise ArchiveLayout if pictures are in no class's folder, unless they are few beside those that are."""
    inside = sum(len(folder.pictures) for folder in layout.folders)
    if len(layout.loose) > inside // 2:
        path = layout.loose[0].path
        detail = f"{shown(path)} is in no class's folder. Put each image into the folder of its class."
        raise archive_error(errors.ArchiveLayout, detail, path)


def _warnings_of_subfolders(folders: Iterable[Folder]) -> list[WarnedImage]:
    """Say which classes take in folders of their own: they might have been meant as classes."""
    nested = [(folder, [shown(each.name) for each in folder.with_pictures]) for folder in folders]
    said = [f"{shown(folder.path)} ({few(names)})" for folder, names in nested if names]
    if not said:
        return []
    detail = f"These class folders hold folders, whose pictures count as the class's: {few(said)}."
    return [WarnedImage(type="subfolders-joined", detail=detail)]
