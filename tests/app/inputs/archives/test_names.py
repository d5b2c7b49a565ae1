"""Names come out as they were written, in whatever encoding, or not at all.

`make archives` draws many more archives than the tests do.
"""

from __future__ import annotations

import json
import os
import random
import unicodedata
from pathlib import Path

import pytest

from app.errors import ArchiveEncoding
from app.inputs.archives.names import code_pages
from tests.app.drawings import zipped
from tests.app.inputs.archives.packed import PNG, UNIX, UTF8, read, unicode_path, windows_zip, zip_of

NOUNS = {
    language: words.split()
    for language, words in json.loads((Path(__file__).parents[3] / "data" / "names" / "nouns.json").read_text()).items()
}
CODE_PAGES = [
    ("cp932", "ja"),
    ("gbk", "zh"),
    ("big5", "zh-hant"),
    ("cp949", "ko"),
    ("cp866", "ru"),
    ("cp1251", "ru"),
    ("cp1251", "uk"),
    ("cp852", "pl"),
    ("cp852", "cs"),
    ("cp852", "hu"),
]
ARCHIVES = max(40, int(os.environ.get("KSHOT_ARCHIVES", "0")) // 10)  # of each code page and language


def drawn(language: str, seed: int) -> list[str]:
    """Three or more names of folders, at least one of which isn't ASCII."""
    chance = random.Random(f"{language}:{seed}")  # noqa: S311
    while True:
        words = sorted(chance.sample(NOUNS[language], chance.randint(3, 8)))
        if not all(word.isascii() for word in words):
            return words


def told(data: bytes) -> list[str] | None:
    """The classes of an archive, or None where archive_encoding is asked for."""
    try:
        return read(data).classes
    except ArchiveEncoding:
        return None


@pytest.mark.parametrize(("encoding", "language"), CODE_PAGES)
def test_code_pages_are_told_by_the_names_or_asked_for(encoding: str, language: str) -> None:
    assert len(NOUNS[language]) >= 60
    refused = 0
    for seed in range(ARCHIVES):
        names = drawn(language, seed)
        data = windows_zip(names, encoding)
        found = told(data)
        refused += found is None
        assert (found or read(data, encoding).classes) == names
    assert refused <= ARCHIVES / 10


def test_an_archive_that_is_in_doubt_shows_how_its_names_would_read() -> None:
    with pytest.raises(ArchiveEncoding, match=r"cp949: 역/0.jpg, 개/1.jpg; .*Send archive_encoding") as caught:
        read(windows_zip(["역", "개"], "cp949"))
    assert caught.value.members["field"] == "archive_encoding"
    shown = {each["encoding"]: each["names"] for each in caught.value.members["candidates"]}
    assert shown["cp949"] == ["역/0.jpg", "개/1.jpg"]
    assert len(shown) > 1


@pytest.mark.parametrize("encoding", ["cp932", "Shift_JIS", " CP932 "])
def test_an_encoding_that_was_asked_for_is_taken(encoding: str) -> None:
    assert read(windows_zip(["表", "ソ"], "cp932"), encoding).classes == ["ソ", "表"]


@pytest.mark.parametrize("encoding", ["cp9321", "rot13", "idna", "utf-16", "\0"])
def test_an_encoding_that_nobody_knows_is_refused_with_those_known(encoding: str) -> None:
    with pytest.raises(ArchiveEncoding, match="cp932, gbk, big5, cp949"):
        read(windows_zip(["表", "ソ"], "cp932"), encoding)


def test_an_encoding_that_the_names_are_not_in_is_refused() -> None:
    with pytest.raises(ArchiveEncoding, match="not in archive_encoding cp949"):
        read(windows_zip(["猫", "ソファ"], "cp932"), "cp949")


def test_every_known_encoding_is_one_that_python_knows_by_this_name() -> None:
    for encoding in code_pages.KNOWN:
        assert read(zip_of({b"a/1.png": PNG, b"b/1.png": PNG}), encoding).classes == ["a", "b"]


def test_a_backslash_within_a_character_divides_nothing() -> None:
    assert read(windows_zip(["ソックス", "ソファ", "表"], "cp932")).classes == ["ソックス", "ソファ", "表"]


def test_a_backslash_of_windows_divides_names() -> None:
    assert read(zip_of({b"a\\1.png": PNG, b"b/2.png": PNG})).classes == ["a", "b"]


def test_a_backslash_elsewhere_divides_names_only_where_nothing_else_does() -> None:
    assert read(zip_of({b"a\\1.png": PNG, b"b\\1.png": PNG}, system=UNIX)).classes == ["a", "b"]
    assert read(zip_of({b"a\\b/1.png": PNG, b"c/1.png": PNG}, system=UNIX)).classes == ["a\\b", "c"]


def test_names_in_unicodes_extra_field_are_taken_if_they_belong_to_the_name() -> None:
    files = {b"???/1.png": PNG, b"b/1.png": PNG}
    right = unicode_path(b"???/1.png", "表/1.png")
    assert read(zip_of(files, extra={b"???/1.png": right})).classes == ["b", "表"]
    assert read(zip_of(files, extra={b"???/1.png": unicode_path(b"old", "old/1.png")})).classes == ["???", "b"]
    assert read(zip_of(files, extra={b"???/1.png": right[:-3] + b"\xff" * 3})).classes == ["???", "b"]


@pytest.mark.parametrize("flags", [0, UTF8], ids=["undeclared", "declared"])
@pytest.mark.parametrize(
    "names",
    [["café", "naïve"], ["кот", "пёс"], ["🐱", "🐶"], ["猫", "犬"], ["שלום", "كلب"], ["კატა", "ძაღლი"], ["แมว", "หมา"]],
)
def test_utf8_is_told_whether_or_not_it_is_declared(names: list[str], flags: int) -> None:
    files = {unicodedata.normalize("NFD", f"{name}/1.png").encode(): PNG for name in names}
    assert read(zip_of(files, system=UNIX, flags=flags)).classes == sorted(
        unicodedata.normalize("NFC", name) for name in names
    )


def test_one_folder_written_in_two_forms_of_unicode_is_one_class() -> None:
    one, other = unicodedata.normalize("NFC", "é"), unicodedata.normalize("NFD", "é")
    support = read(zipped({f"{one}/1.png": PNG, f"{other}/2.png": PNG, "b/1.png": PNG}))
    assert support.shots == {"b": 1, one: 2}
    assert [each.type for each in support.warnings] == ["labels-joined"]
    assert support.warnings[0].detail.endswith("how accents are written, were joined: é.")
    assert read(zipped({f"{other}/1.png": PNG, f"{other}/2.png": PNG, "b/1.png": PNG})).warnings == []
