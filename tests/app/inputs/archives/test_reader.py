"""What people's tools put into zips is understood."""

from __future__ import annotations

import random
from contextlib import suppress

import pytest

from app.errors import AppError, ArchiveTooLarge, ArchiveUnreadable, LabelInvalid
from app.inputs.archives.reader import ArchiveReader
from app.inputs.support_set import SupportSet
from app.settings import Settings
from tests.app.drawings import class_folders, zipped
from tests.app.inputs.archives.packed import unpack


def read(contents: dict[str, bytes], **settings: int) -> SupportSet:
    return unpack(zipped(contents), **settings)[0]


def test_classes_and_images_are_sorted() -> None:
    support, images = unpack(zipped({"b/2.png": b"4", "a/1.png": b"1", "b/1.png": b"3", "a/9.JPG": b"2"}))
    assert support.classes == ["a", "b"]
    assert images == [b"1", b"2", b"3", b"4"]
    assert support.labels == [0, 0, 1, 1]
    assert support.shots == {"a": 2, "b": 2}


def test_strays_are_left_out_and_listed() -> None:
    strays = ["__MACOSX/a/._1.png", "a/.DS_Store", "a/Thumbs.db", "README.md", ".git/a/x.png"]
    support = read(dict.fromkeys(["a/1.png", "b/1.png", *strays], b""))
    assert support.skipped == sorted(strays)
    assert len(support.uploads) == 2


def test_the_total_that_may_be_unpacked_is_bounded() -> None:
    images = {f"{label}/{number}.png": bytes(300_000) for label in "ab" for number in range(5)}
    with pytest.raises(ArchiveTooLarge, match=r"With a/3\.png the archive unpacks to more than 1048576") as caught:
        read(images, max_archive_bytes=2_000_000)
    assert caught.value.members["filename"] == "a/3.png"
    with pytest.raises(ArchiveTooLarge):
        read(images, max_archive_ratio=50)
    assert len(read(images, max_archive_ratio=2000).uploads) == 10


def test_blank_drawings_pack_well_and_are_no_bomb() -> None:
    assert len(read({"a/1.bmp": bytes(400_000), "b/1.bmp": bytes(400_000)}).uploads) == 2


def test_central_directories_of_millions_are_refused_unread() -> None:
    with pytest.raises(ArchiveTooLarge):
        unpack(b"PK\x01\x02" * 2_000_000)


def test_an_archive_that_is_a_folder_of_nothing() -> None:
    with pytest.raises(ArchiveUnreadable):
        unpack(b"")


def test_no_more_of_an_image_is_unpacked_than_an_image_may_have() -> None:
    images = {"a/1.png": bytes(900_000), "b/1.png": bytes(10)}
    assert [len(image) for image in unpack(zipped(images), max_image_bytes=100)[1]] == [101, 10]


def test_images_are_unpacked_when_their_turn_comes() -> None:
    noise = random.Random(0).randbytes(50_000)  # noqa: S311
    data = bytearray(zipped({"a/1.png": noise, "b/1.png": noise}))
    data[data.index(b"PK\x01\x02") - 100] ^= 255  # of the last one's contents
    _, contents = ArchiveReader.of(Settings()).read(bytes(data), "a.zip")
    contents = iter(contents)
    assert next(contents)[1] == noise
    with pytest.raises(ArchiveUnreadable, match=r"b/1\.png") as caught:
        next(contents)
    assert caught.value.members["filename"] == "b/1.png"


def test_an_entry_without_a_name_is_refused() -> None:
    with pytest.raises(ArchiveUnreadable, match="no name"):
        unpack(zipped({"a/1.png": b"", "b/1.png": b"", "Q": b""}).replace(b"Q", b"\0"))  # a NUL ends a name


def test_what_has_contents_is_a_file_whatever_its_name_ends_in() -> None:
    support, images = unpack(zipped({"a/1.png": b"1", "a/2.png/": b"2", "b/1.png": b"3", "notes/": b"hello"}))
    assert images == [b"1", b"2", b"3"]
    assert [(each.filename, each.reason) for each in support.left_out] == [("notes", "it is text")]


def test_the_folder_itself_may_be_an_entry() -> None:
    assert read({"./": b"", "./a/": b"", "./a/1.png": b"", "./b/1.png": b""}).skipped == []


@pytest.mark.parametrize("name", ["x" * 256, "猫" * 86, "x/" * 100 + "x", "x" * 64_000])
def test_names_no_file_system_takes_are_refused(name: str) -> None:
    with pytest.raises(ArchiveUnreadable, match="names of at most"):
        read({"a/1.png": b"", "b/1.png": b"", name: b""})
    read({"a/1.png": b"", "b/1.png": b"", "x" * 255: b""})


def test_a_folder_that_is_no_label_is_named() -> None:
    with pytest.raises(LabelInvalid, match=r"The folder of a\ufffdb/1.png is 'a\\nb'.*U\+000A") as caught:
        read({"a\nb/1.png": b"", "b/1.png": b"", "c\nd/1.png": b""})
    members = caught.value.members
    assert (members["field"], members["index"], members["filename"]) == ("archive", 0, "a\ufffdb/1.png")
    assert [each["filename"] for each in members["errors"]] == ["a\ufffdb/1.png", "c\ufffdd/1.png"]


def test_one_archive_leaves_nothing_behind_for_the_next() -> None:
    reader = ArchiveReader.of(Settings())
    data = zipped({"a/1.png": b"", "b/1.png": b"", "notes.txt": b""})
    assert [reader.read(data, "a.zip")[0].skipped for _ in range(2)] == [["notes.txt"]] * 2


def test_no_damage_to_an_archive_is_an_error_of_ours() -> None:
    whole = zipped(dict(list(class_folders().items())[::3]))
    structure = [at for at in range(len(whole)) if whole[at : at + 2] == b"PK"]
    chance = random.Random(0)  # noqa: S311
    for _ in range(2000):
        damaged = bytearray(whole)
        for _ in range(chance.randint(1, 4)):
            damaged[min(chance.choice(structure) + chance.randint(0, 50), len(whole) - 1)] = chance.randrange(256)
        with suppress(AppError):
            unpack(bytes(damaged))
