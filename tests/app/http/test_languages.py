"""The page's words: all in every language, in one place, and the language that a browser asks for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html.parser import HTMLParser

import httpx
import pytest

from app.http.languages import PLACE, words_by_language
from app.http.routes.page import FOLDER
from tests.serving import Server

WORDS = words_by_language()
SCRIPTS = {file.name: file.read_text() for file in FOLDER.glob("*.js") if file.name != "reference.js"}
PAGES = {name: (FOLDER / name).read_text() for name in ("index.html", "shared.html")}
FORMS = {"en": {"one", "other"}, "es": {"one", "other"}, "zh": {"other"}}
"""Plural categories of CLDR that whole numbers of things have here."""
BUILT = {"camera", "kind", "problem", "example", "export", "sort.view", "way"}
"""Keys begin so that are put together."""
NAMES = {"kshot", "English", "Español", "中文"}
CALL = re.compile(r'\bt(?:Or)?\(((?:[^()"`]|"[^"]*"|`[^`]*`)*)')
SEEN = re.compile(
    r'(?:h\(\s*"[a-z0-9]+",\s*\{[^}]*\},\s*|textContent = |note\(|say\(|button\()"([^"]*[A-Za-z]{2}[^"]*)"'
)


@pytest.mark.parametrize("language", sorted(WORDS))
def test_every_language_has_every_word_with_the_same_values_and_its_own_forms(language: str) -> None:
    first, words = WORDS["en"], WORDS[language]
    assert list(words) == list(first)
    for key, text in words.items():
        assert values(text) == values(first[key]), key
        if isinstance(text, Mapping):
            assert set(text) == FORMS[language], key
    if language != "en":
        same = [key for key, text in words.items() if text == first[key] and re.search("[a-z]{4}", str(text))]
        assert set(same) <= {"export.safetensors", "sort.tile"}


def values(text: str | Mapping[str, str]) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", str(list(text.values()) if isinstance(text, Mapping) else text)))


def test_every_key_that_is_asked_for_is_there_and_every_one_that_is_there_is_asked_for() -> None:
    asked = {key for page in PAGES.values() for key in PLACE.findall(page)} - {"language"}
    for script in SCRIPTS.values():
        for arguments in CALL.findall(script):
            asked |= set(re.findall(r'"([\w.]+)"', arguments)) & (WORDS["en"].keys() | missing(arguments))
    assert asked <= WORDS["en"].keys()
    unasked = {key for key in WORDS["en"].keys() - asked if not key.startswith(tuple(f"{name}." for name in BUILT))}
    assert unasked <= {f"example.{kind}" for kind in ("photos", "drawings")}


def missing(arguments: str) -> set[str]:
    """The key, if it is the only text that a call begins with."""
    found = re.match(r'"([\w.]+)"', arguments)
    return {found[1]} if found else set()


def test_no_page_and_no_script_has_words_of_its_own() -> None:
    for name, page in PAGES.items():
        seen = Text()
        seen.feed(PLACE.sub("", page))
        assert {word for word in seen.words if re.search(r"[^\W\d_]{2}", word)} <= NAMES, name
    own = {name: found for name, script in SCRIPTS.items() if (found := SEEN.findall(script))}
    assert own == {}


class Text(HTMLParser):
    """What people see or hear of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.words: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = {value for name, value in attrs if name in ("aria-label", "placeholder", "title", "alt") and value}
        self.words |= said

    def handle_data(self, data: str) -> None:
        self.words |= {data.strip()} - {""}


@pytest.mark.parametrize(
    ("headers", "language"),
    [
        ({}, "en"),
        ({"Accept-Language": "es-MX,es;q=0.9,en;q=0.8"}, "es"),
        ({"Accept-Language": "fr, zh-CN;q=0.8, en;q=0.5"}, "zh"),
        ({"Accept-Language": "de"}, "en"),
        ({"Accept-Language": "es;q=nan-sense,,;q=,zh"}, "zh"),
        ({"Accept-Language": "es", "Cookie": "kshot-language=zh"}, "zh"),
        ({"Cookie": "kshot-language=../../secrets"}, "en"),
    ],
)
def test_the_page_is_in_the_language_that_was_chosen_or_is_asked_for(
    server: Server, headers: dict[str, str], language: str
) -> None:
    for path in ("/", f"/m/{'0' * 32}"):
        answer = httpx.get(server.url + path, headers=headers)
        assert f'<html lang="{language}"' in answer.text
        assert answer.headers["vary"] == "Accept-Language, Cookie, Accept-Encoding"
        assert "{{" not in answer.text
    assert str(WORDS[language]["about"]) in httpx.get(server.url, headers=headers).text
