"""What people's tools put into zips is understood."""

from __future__ import annotations

import unicodedata

import pytest

from app.archives import ArchiveReader
from app.errors import ArchiveTooLarge, ArchiveUnreadable
from app.settings import Settings
from app.uploads import SupportSet
from tests.app.drawings import zipped


def read(contents: dict[str, bytes], **settings: int) -> SupportSet:
    return ArchiveReader(Settings.model_validate(settings)).read(zipped(contents), "a.zip")


def test_classes_and_images_are_sorted() -> None:
    support = read({"b/2.png": b"4", "a/1.png": b"1", "b/1.png": b"3", "a/9.JPG": b"2"})
    assert support.classes == ["a", "b"]
    assert [upload.data for upload in support.uploads] == [b"1", b"2", b"3", b"4"]
    assert support.labels == [0, 0, 1, 1]
    assert support.shots == {"a": 2, "b": 2}


def test_the_folder_that_was_zipped_may_wrap_the_classes() -> None:
    assert read({"all/a/1.png": b"", "all/b/1.png": b""}).classes == ["a", "b"]


def test_a_class_may_have_folders_of_its_own() -> None:
    assert read({"a/2024/1.png": b"", "a/2025/1.png": b"", "b/1.png": b""}).shots == {"a": 2, "b": 1}


def test_strays_are_left_out_and_listed() -> None:
    strays = ["__MACOSX/a/._1.png", "a/.DS_Store", "a/Thumbs.db", "README.md", ".git/a/x.png"]
    support = read(dict.fromkeys(["a/1.png", "b/1.png", *strays], b""))
    assert support.skipped == sorted(strays)
    assert len(support.uploads) == 2


def test_windows_separators_are_folders() -> None:
    assert read({"a\\1.png": b"", "b\\1.png": b""}).classes == ["a", "b"]


def test_accents_that_macos_wrote_come_out_whole() -> None:
    # It writes UTF-8, letter and accent apart, without the flag that says so; zipfile would not.
    split = unicodedata.normalize("NFD", "café").encode()
    data = zipped({"b/1.png": b"", "cafe--/1.png": b""}).replace(b"cafe--", split)
    assert ArchiveReader(Settings()).read(data, "a.zip").classes == ["b", "café"]


def test_the_total_that_may_be_unpacked_is_bounded() -> None:
    images = {f"{label}/{number}.png": bytes(300_000) for label in "ab" for number in range(5)}
    with pytest.raises(ArchiveTooLarge):
        read(images, max_archive_bytes=2_000_000)
    with pytest.raises(ArchiveTooLarge):
        read(images, max_archive_ratio=50)
    assert len(read(images, max_archive_ratio=2000).uploads) == 10


def test_blank_drawings_pack_well_and_are_no_bomb() -> None:
    assert len(read({"a/1.bmp": bytes(400_000), "b/1.bmp": bytes(400_000)}).uploads) == 2


def test_central_directories_of_millions_are_refused_unread() -> None:
    with pytest.raises(ArchiveTooLarge):
        ArchiveReader(Settings()).read(b"PK\x01\x02" * 2_000_000, "a.zip")


def test_an_archive_that_is_a_folder_of_nothing() -> None:
    with pytest.raises(ArchiveUnreadable):
        ArchiveReader(Settings()).read(b"", "a.zip")
