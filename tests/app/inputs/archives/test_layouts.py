"""Class folders are found wherever people have them, and none is lost, merged or made up without a word."""

from __future__ import annotations

import pytest

from app.errors import ArchiveLayout, ArchiveUnsafeName
from app.inputs.support_set import SupportSet
from tests.app.drawings import zipped
from tests.app.inputs.archives.packed import PNG, read

JPEG = b"\xff\xd8\xff\xe0"
HEIC = b"\0\0\0\x18ftypheic"


def folders(*paths: str, **others: bytes) -> SupportSet:
    """What is read of a zip of pictures at these paths, and other files."""
    return read(zipped(dict.fromkeys(paths, PNG) | others))


def warnings(support: SupportSet) -> list[str]:
    return [each.type for each in support.warnings]


@pytest.mark.parametrize("wrapper", ["", "all/", "dataset/images/", "a/b/c/d/"])
def test_folders_that_hold_everything_wrap_the_classes(wrapper: str) -> None:
    support = folders(f"{wrapper}hat/1.png", f"{wrapper}hat/2.png", f"{wrapper}shoe/1.png")
    assert support.shots == {"hat": 2, "shoe": 1}
    assert warnings(support) == []


def test_a_class_may_have_folders_of_its_own_which_is_said() -> None:
    support = folders("hat/2024/1.png", "hat/2025/1.png", "shoe/1.png")
    assert support.shots == {"hat": 2, "shoe": 1}
    assert warnings(support) == ["subfolders-joined"]
    assert "hat (2024, 2025)" in support.warnings[0].detail


@pytest.mark.parametrize("wrapper", ["", "export/"])
@pytest.mark.parametrize("splits", [("train", "valid", "test"), ("Training", "Testing"), ("train", "val", "test")])
def test_the_parts_of_a_data_set_are_no_classes(wrapper: str, splits: tuple[str, ...]) -> None:
    support = folders(*(f"{wrapper}{split}/{label}/{split}.png" for split in splits for label in ("hat", "shoe")))
    assert support.shots == {"hat": len(splits), "shoe": len(splits)}
    assert warnings(support) == ["splits-joined"]


@pytest.mark.parametrize(
    "paths",
    [
        ("train/hat/1.png", "train/shoe/1.png", "test/1.png"),
        ("train/1.png", "test/1.png"),
        ("train/hat/1.png", "test/hat/1.png", "shoe/1.png"),
    ],
)
def test_parts_of_a_data_set_that_differ_in_kind_are_refused(paths: tuple[str, ...]) -> None:
    with pytest.raises(
        ArchiveLayout, match=r"look like the parts of a data set.*Send a folder of pictures for each class"
    ):
        folders(*paths)


def test_classes_may_have_names_of_parts() -> None:
    assert folders("train/1.png", "test/1.png", "bus/1.png").classes == ["bus", "test", "train"]
    assert folders("train/1.png", "bus/1.png").classes == ["bus", "train"]


@pytest.mark.parametrize("head", [PNG, JPEG, HEIC, b"GIF89a", b"RIFF\0\0\0\0WEBPVP8 ", b"II*\0", b"\0\0\0\x18ftypavif"])
def test_a_picture_is_told_by_its_content(head: bytes) -> None:
    support = read(zipped({"hat/1": head, "hat/2.jfif": head, "shoe/3.dat": head}))
    assert support.shots == {"hat": 2, "shoe": 1}


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"words", "it is text"),
        (b"", "it is empty"),
        (b"%PDF-1.4", "it is a PDF, which isn't read"),
        (b"\0\0\0\x18ftypqt  ", "it is a film (MP4 or QuickTime), which isn't read"),
    ],
)
def test_a_file_that_is_no_picture_is_left_out_with_the_reason(data: bytes, why: str) -> None:
    support = read(zipped({"hat/1.png": PNG, "hat/notes": data, "shoe/1.png": PNG}))
    assert [(each.filename, each.reason) for each in support.left_out] == [("hat/notes", why)]


def test_a_folder_without_a_picture_is_an_error_that_says_why() -> None:
    others = {"cap/1.mov": b"\0\0\0\x18ftypqt  ", "cap/2.txt": b"two", "cap/3": b"", "cap/4.txt": b"four"}
    with pytest.raises(
        ArchiveLayout, match=r"folder cap holds no picture \(cap/1.mov: it is a film .*; .*; and 1 more\)"
    ) as caught:
        read(zipped({"hat/1.png": PNG, "shoe/1.png": PNG, **others}))
    assert caught.value.members["filename"] == "cap"


@pytest.mark.parametrize("name", ["cap/", "cap/Thumbs.db", "cap/.git/x.png"])
def test_an_empty_folder_is_an_error(name: str) -> None:
    with pytest.raises(ArchiveLayout, match=r"folder cap holds no picture \(it is empty\)"):
        folders("hat/1.png", "shoe/1.png", **{name: b""})


def test_a_class_may_have_folders_of_its_own_in_a_part_of_a_data_set() -> None:
    assert folders("train/hat/1.png", "train/shoe/1.png", "valid/hat/2024/2.png").shots == {"hat": 2, "shoe": 1}
    paths = (f"{part}/images/{label}/{part}.png" for part in ("train", "test") for label in ("hat", "shoe"))
    assert folders(*paths).shots == {"hat": 2, "shoe": 2}


def test_a_class_may_be_missing_in_a_part_of_a_data_set() -> None:
    support = folders("train/hat/1.png", "train/shoe/1.png", "valid/hat/2.png", **{"valid/shoe/": b"", "test/": b""})
    assert support.shots == {"hat": 2, "shoe": 1}
    with pytest.raises(ArchiveLayout, match="folder valid/cap holds no picture"):
        folders("train/hat/1.png", "train/shoe/1.png", "valid/hat/2.png", **{"valid/cap/": b""})


def test_folders_beside_a_class_with_folders_are_not_lost() -> None:
    with pytest.raises(ArchiveLayout, match="folder shoe holds no picture"):
        folders("hat/2024/1.png", "hat/2025/1.png", **{"shoe/1.txt": b"x"})


def test_an_export_for_finding_objects_is_told() -> None:
    with pytest.raises(ArchiveLayout, match="exported for finding objects"):
        folders("images/1.png", "images/2.png", **{"labels/1.txt": b"0 0.5 0.5 1 1"})


@pytest.mark.parametrize("stray", ["stray.png", "/etc/a.png", "../a.png", "a/../../b.png", "C:/a.png"])
def test_a_picture_that_is_no_classs_is_left_out_by_name(stray: str) -> None:
    support = folders("hat/1.png", "hat/2.png", "shoe/1.png", stray)
    assert support.shots == {"hat": 2, "shoe": 1}
    assert support.skipped == [stray]


def test_many_loose_pictures_are_an_error() -> None:
    with pytest.raises(ArchiveLayout, match=r"3.png is in no class's folder"):
        folders("hat/1.png", "shoe/2.png", "3.png", "4.png")


def test_names_that_all_lead_out_are_an_error() -> None:
    with pytest.raises(ArchiveUnsafeName, match="its name begins with /"):
        folders("/hat/1.png", "/shoe/1.png")


def test_labels_that_look_the_same_are_joined_with_a_word() -> None:
    support = folders("hat/1.png", "hat /2.png", "shoe/1.png")
    assert support.shots == {"hat": 2, "shoe": 1}
    assert warnings(support) == ["labels-joined"]


def test_labels_that_differ_in_capitals_stay_two_with_a_word() -> None:
    support = folders("hat/1.png", "Hat/1.png")
    assert support.shots == {"Hat": 1, "hat": 1}
    assert warnings(support) == ["labels-alike"]
