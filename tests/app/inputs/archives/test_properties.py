"""Whatever is zipped by whatever tool: no class is lost, merged or renamed without an error that says so.

`make archives` draws many more than the tests do.
"""

from __future__ import annotations

import os
import shutil
import string
import subprocess
import tempfile
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal, TypeAlias

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.errors import AppError, ArchiveEncoding
from kshot.text import seen
from tests.app.drawings import zipped
from tests.app.inputs.archives.packed import PNG, UNIX, UTF8, read, tar_of, zip_of
from tests.app.inputs.archives.test_names import NOUNS

Files: TypeAlias = Mapping[str, bytes]
EXAMPLES = int(os.environ.get("KSHOT_ARCHIVES", "40"))
CODE_PAGES = {
    "ja": "cp932",
    "zh": "gbk",
    "zh-hant": "big5",
    "ko": "cp949",
    "ru": "cp866",
    "uk": "cp1251",
    "pl": "cp852",
}
LETTERS = string.ascii_letters + string.digits + " äéßøñçżłőǎпярדאمن猫犬表ソ한글🐱👩" + "_-()!&'+,;=@#~^`"


def by_python(files: Files) -> bytes:
    return zipped(files)


def by_macos(files: Files) -> bytes:
    """UTF-8 that isn't declared, accents apart, and the Finder's own files."""
    plain = {unicodedata.normalize("NFD", name).encode(): data for name, data in files.items()}
    forks = {b"__MACOSX/" + name.replace(b"/", b"/._"): b"\0\5\x16\7" for name in plain}
    return zip_of(plain | forks | {b".DS_Store": b"\0"}, system=UNIX)


def by_two_systems(files: Files) -> bytes:
    """Folders that lay on a Mac and elsewhere: accents apart in every other file's path."""
    forms: tuple[Literal["NFC", "NFD"], ...] = ("NFC", "NFD")
    return zipped({unicodedata.normalize(forms[at % 2], name): data for at, (name, data) in enumerate(files.items())})


def by_windows(files: Files) -> bytes:
    """UTF-8 that is declared, and backslashes between folders."""
    return zip_of({name.replace("/", "\\").encode(): data for name, data in files.items()}, flags=UTF8)


def by_tar(files: Files) -> bytes:
    return tar_of(files, "w:gz")


def by_command(*command: str) -> Callable[[Files], bytes]:
    """A zip that a program makes of files on disk."""

    def pack(files: Files) -> bytes:
        with tempfile.TemporaryDirectory() as folder:
            for name, data in files.items():
                path = Path(folder) / "files" / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
            subprocess.run(
                [*command, "../a.zip", "."], cwd=Path(folder) / "files", check=True, stdout=subprocess.DEVNULL
            )
            return (Path(folder) / "a.zip").read_bytes()

    return pack


COMMANDS = {"zip": ("zip", "-qr"), **{name: (name, "a", "-bd") for name in ("7z", "7za", "7zz")}}
TOOLS: dict[str, Callable[[Files], bytes]] = {
    "python": by_python, "macos": by_macos, "windows": by_windows, "two systems": by_two_systems, "tar": by_tar,
    **{name: by_command(*command) for name, command in COMMANDS.items() if shutil.which(name)},
}  # fmt: skip

few = settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    derandomize="KSHOT_ARCHIVES" not in os.environ,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
names = (
    st.text(st.sampled_from(LETTERS), min_size=1, max_size=12)
    .map(lambda name: seen(name.strip(" ~")))
    .filter(lambda name: name and name[0] not in "._-" and not name.isspace())
)
labels = st.lists(names, min_size=2, max_size=6, unique_by=str.casefold)
wrappers = st.sampled_from(["", "all/", "a/b/", "データ/"])
shots = st.integers(1, 3)


def packed(draw: st.DrawFn) -> tuple[str, dict[str, int], Files]:
    """Class folders with pictures, perhaps in a folder of their own and in parts, with files that are no pictures."""
    classes = {label: draw(shots) for label in draw(labels)}
    wrapper = draw(wrappers)
    splits = draw(st.sampled_from([("",), ("train/", "test/")]))
    files = {
        f"{wrapper}{split}{label}/{number}": PNG + bytes([number])
        for split in splits
        for label, count in classes.items()
        for number in range(count)
    }
    strays = draw(st.sets(st.sampled_from(["README.md", "notes", "Thumbs.db"])))
    files |= {f"{wrapper}{stray}": b"words" for stray in strays}
    return draw(st.sampled_from(sorted(TOOLS))), {label: count * len(splits) for label, count in classes.items()}, files


@given(st.composite(packed)())
@few
def test_classes_come_out_as_they_were_put_in(archive: tuple[str, dict[str, int], Files]) -> None:
    tool, expected, files = archive
    data = TOOLS[tool](files)
    try:
        found = read(data).shots
    except ArchiveEncoding:
        found = read(data, "utf-8").shots
    assert found == expected, tool


@given(st.data())
@few
def test_a_folder_that_loses_its_pictures_is_an_error(data: st.DataObject) -> None:
    tool, expected, files = data.draw(st.composite(packed)())
    lost = data.draw(st.sampled_from(sorted(expected)))
    spoiled = {name: b"words" if f"/{lost}/" in f"/{name}" else content for name, content in files.items()}
    with pytest.raises(AppError, match=r"holds no picture|All images are labelled|holds no images") as caught:
        read(TOOLS[tool](spoiled), "utf-8")
    assert lost in caught.value.detail or len(expected) == 2


@given(st.data())
@few
def test_names_in_a_code_page_are_right_or_refused_with_a_remedy_that_works(data: st.DataObject) -> None:
    language = data.draw(st.sampled_from(sorted(CODE_PAGES)))
    encoding = CODE_PAGES[language]
    words = st.lists(st.sampled_from(NOUNS[language]), min_size=1, max_size=3).map("".join)
    classes = Counter(
        {label: data.draw(shots) for label in data.draw(st.lists(words, min_size=2, max_size=6, unique=True))}
    )
    archive = zip_of(
        {f"{label}/{number}.jpg".encode(encoding): PNG for label, count in classes.items() for number in range(count)}
    )
    try:
        found = read(archive).shots
    except ArchiveEncoding:
        found = read(archive, encoding).shots
    assert found == classes
