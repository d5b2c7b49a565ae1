"""The languages of the page: which one a browser asks for, and the page's words in it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from html import escape
from pathlib import Path
from typing import TypeAlias

from starlette.requests import Request

FOLDER = Path(__file__).parents[1] / "page" / "languages"
FIRST = "en"
COOKIE = "kshot-language"
PLACE = re.compile(r"\{\{([\w.-]+)\}\}")

Words: TypeAlias = Mapping[str, str | Mapping[str, str]]
"""By key; of those that depend on a number, its forms by the plural categories of CLDR."""


@cache
def words_by_language() -> Mapping[str, Words]:
    """Return the words of each language: a file for each."""
    return {file.stem: json.loads(file.read_text("utf-8")) for file in sorted(FOLDER.glob("*.json"))}


def chosen(request: Request) -> str:
    """Return the language that somebody chose on the page, or the best of Accept-Language that there is, or FIRST."""
    wishes = [request.cookies.get(COOKIE, ""), *_accepted(request.headers.get("accept-language", ""))]
    there = words_by_language()
    return next((wish for wish in wishes if wish in there), FIRST)


def translated(template: str, language: str) -> str:
    """Return a page's template with the words of a language at its places, {{key}}, and {{language}} itself."""
    words = {**words_by_language()[language], "language": language}
    return PLACE.sub(lambda place: escape(str(words[place[1]])), template)


def _accepted(header: str) -> list[str]:
    """Return the languages of an Accept-Language header without their regions, the most wanted first."""
    wishes = [_wish(part) for part in header.lower().split(",")[:20]]
    return [name for name, _ in sorted(wishes, key=lambda wish: -wish[1]) if name]


def _wish(part: str) -> tuple[str, float]:
    tag, _, weight = part.partition(";q=")
    try:
        return tag.strip().partition("-")[0], float(weight or 1)
    except ValueError:
        return "", 0.0
