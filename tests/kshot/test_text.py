"""What people call files and labels comes back as they wrote it, and breaks nothing."""

from __future__ import annotations

import re
import time
import unicodedata
from pathlib import Path

import httpx
import pytest
import typer

import app
from app.api.labels import check_labels, known_labels
from app.errors import ClassUnknown, LabelInvalid
from kshot.commands.console import fail, print_table
from kshot.text import INVISIBLE, plain, seen, shown
from tests.app.drawings import SUPPORT, adapt, class_folders, images, zipped
from tests.serving import Server

WORDS = ["نامه‌ها", "क्‍ष", "👩‍🔬", "café", "a b"]  # with joiners and a non-joiner


@pytest.mark.parametrize("word", WORDS)
def test_words_of_any_script_are_labels(server: Server, word: str) -> None:
    files = images([SUPPORT[0], SUPPORT[-1]])
    answer = httpx.post(f"{server.url}/adapt", files=files, data={"labels": [word, "b"], "steps": "0"})
    assert answer.json()["classes"] == [word, "b"]


def test_one_word_in_two_encodings_is_one_label(server: Server) -> None:
    split = unicodedata.normalize("NFD", "café")
    files = images([SUPPORT[0], SUPPORT[1], SUPPORT[-1]])
    answer = httpx.post(f"{server.url}/adapt", files=files, data={"labels": ["café", split, "b"], "steps": "0"})
    assert answer.json()["shots"] == {"café": 2, "b": 1}


def test_a_text_beyond_any_label_is_refused_at_once() -> None:
    with pytest.raises(LabelInvalid, match="too long"):
        check_labels([f"cat{' ' * 2000}dog"], 1)
    start = time.process_time()
    with pytest.raises(ClassUnknown):
        known_labels(["a\u200d😀" * 300_000], ["a", "b"], "remove_class")
    assert time.process_time() - start < 1


def test_the_page_knows_the_same_marks_that_nobody_sees() -> None:
    unseen = re.search("UNSEEN = /(.+)/g;", (Path(app.__file__).parent / "page" / "words.js").read_text())
    assert unseen
    assert set(filter(re.compile(unseen[1]).fullmatch, map(chr, range(0x10000)))) == INVISIBLE


@pytest.mark.parametrize("bad", ["\n", "\x1b", "\x7f", "\x85", "\u2028", "\u2029", "\ud800"])
def test_a_character_that_is_no_text_is_named_and_not_shown(bad: str) -> None:
    with pytest.raises(ValueError, match=rf"U\+{ord(bad):04X}"):
        plain(f"a{bad}b")
    assert shown(f"a{bad}b.png") == "a\ufffdb.png"


def test_a_file_name_that_is_no_text_is_kept_as_far_as_it_is(server: Server) -> None:
    files = [
        ("images", (name, path.read_bytes())) for name, path in (("\x85.png", SUPPORT[0]), ("x" * 1000, SUPPORT[-1]))
    ]
    answer = httpx.post(f"{server.url}/adapt", files=files, data={"labels": ["a", "b"]})
    names = {image["index"]: image["filename"] for image in answer.raise_for_status().json()["hardest_images"]}
    assert names == {0: "\ufffd.png", 1: "x" * 255}


def test_of_many_strays_the_first_are_listed_and_all_counted(server: Server) -> None:
    strays = {f"{number:03}{'x' * 200}.txt": b"" for number in range(150)}
    files = {"archive": ("a.zip", zipped(class_folders() | strays))}
    model = httpx.post(f"{server.url}/adapt", files=files, timeout=60).raise_for_status().json()
    assert model["skipped"] == sorted(strays)[:100]
    assert model["skipped_count"] == 150


def test_a_models_name_holds_no_terminal_codes(server: Server) -> None:
    problem = adapt(server.url, name="x\x1b[31mred").json()
    assert problem["status"] == 422
    assert problem["field"] == "name"
    assert "U+001B" in problem["detail"]
    assert adapt(server.url, name="  signs ").json()["name"] == "signs"


def test_tables_and_errors_show_no_terminal_codes(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(["name"], [["x\x1b[31mred\n"]])
    with pytest.raises(typer.Exit):
        fail("wrong", "file \x1b]0;title\x07.png\nSend another.")
    out, err = capsys.readouterr()
    assert "\x1b" not in out
    assert err.splitlines() == ["wrong", "file �]0;title�.png", "Send another."]


@pytest.mark.parametrize(
    "written",
    [
        "\ufeffblue bird",
        "blue\u00a0bird",
        "blue  \u2009bird ",
        "bl\u200bue bird\u200e",
        "\u202ablue bird\u202c",
        "b\u200dlue bird",
        "blue bird\ufe0f",
        "blue\u3164bird\U000e0041",
        "blue bird\u206a",
    ],
)
def test_what_nobody_sees_is_no_part_of_a_label(written: str) -> None:
    assert seen(written) == "blue bird"


@pytest.mark.parametrize(
    "written",
    [
        "👩\u200d👩\u200d👧",
        "🏳️\u200d🌈",
        "1️⃣",
        "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
        "می\u200cخواهم",
        "क्\u200dष",
        "naïve",
        "שלום",
        "日本",
        "c++ #1",
    ],
)
def test_what_is_seen_stays(written: str) -> None:
    assert seen(written) == written


def test_a_letter_and_its_accent_meet_though_a_mark_lay_between_them() -> None:
    assert [seen(written) for written in ("e\u200b\u0301", "e\u034f\u0301")] == ["é", "é"]


def test_joiners_that_join_nothing_go() -> None:
    assert [seen(written) for written in ("\u200dcat", "cat\u200c", "日\u200d本", "👩\u200d\u200d👧")] == [
        "cat",
        "cat",
        "日本",
        "👩\u200d👧",
    ]
