"""How likely letters are in languages, by letters.json, which `python -m benchmarks.letters` makes."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Protocol

TABLES = Path(__file__).with_name("letters.json")
CODES = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
UNIT = 0.2  # nats that a step in CODES stands for
RARER = 1.0  # nats by which the letters of names may be less likely than those of all words
# Nats for: a letter of another language, what is no letter, a capital within a word, and among characters one
# that is paired with the one before, a rare one, a capital, a small letter, and each change to small letters and back.
STRANGE_LETTER, NO_LETTER, CAPITAL_WITHIN = -13.0, -16.0, -6.0
PAIRED, RARE_CHARACTER, LATIN_CAPITAL, LATIN_SMALL, LATIN_BESIDE = -1.5, -15.5, -5.0, -7.0, -4.0


class Language(Protocol):
    """A language by its letters."""

    @property
    def is_latin(self) -> bool:
        """Whether ASCII has most of its letters."""

    def score(self, word: str) -> float:
        """Return the log-likelihood of a word, in nats."""

    def against(self, word: str) -> float:
        """Return by how many nats a word in ASCII is less likely in this language than in the likeliest, if at all."""

    def deviation(self, total: float, count: int) -> float:
        """Return how many standard deviations the likelihood of so many letters lies above that of its words."""


@dataclass(frozen=True)
class Usual:
    """What letters of a language's words score: the mean and the standard deviation."""

    mean: float
    spread: float

    def deviation(self, total: float, count: int) -> float:
        """See Language."""
        return (total / count + RARER - self.mean) / self.spread * math.sqrt(count) if count else 0.0


@dataclass(frozen=True)
class Alphabet(Usual):
    """A language of letters: how likely each is after another, the blank at both ends of a word among them."""

    pairs: dict[str, float]
    letters: frozenset[str]

    def score(self, word: str) -> float:
        """See Language."""
        lower = word.lower()
        total = sum(self._pair(one, other) for one, other in zip(f" {lower}", f"{lower} ", strict=True))
        return total + CAPITAL_WITHIN * sum(a.islower() and b.isupper() for a, b in pairwise(word))

    def against(self, word: str) -> float:
        """See Language."""
        return self.score(word) - _likeliest(word) if self.is_latin else 0.0

    @property
    def is_latin(self) -> bool:
        """See Language."""
        return "e" in self.letters

    def _pair(self, one: str, other: str) -> float:
        if other in self.letters:
            return self.pairs.get(one + other, STRANGE_LETTER)
        return STRANGE_LETTER if other.isalpha() else NO_LETTER


@dataclass(frozen=True)
class Characters(Usual):
    """A language of many characters: how likely each is, and pairs that are seldom apart."""

    likely: dict[str, float]
    paired: frozenset[str]

    def score(self, word: str) -> float:
        """See Language."""
        beside = sum(_is_small(one) != _is_small(other) for one, other in pairwise(word))
        first = sum(map(self._one, word[:1]))
        return first + sum(self._next(one, other) for one, other in pairwise(word)) + LATIN_BESIDE * beside

    def against(self, word: str) -> float:
        """See Language."""
        return 0.0

    is_latin = False

    def _next(self, one: str, other: str) -> float:
        return PAIRED if one + other in self.paired else self._one(other)

    def _one(self, character: str) -> float:
        if character in self.likely:
            return self.likely[character]
        if character.isascii() and character.isalpha():
            return LATIN_SMALL if character.islower() else LATIN_CAPITAL
        return RARE_CHARACTER if character.isalpha() else NO_LETTER


def _is_small(character: str) -> bool:
    return character.isascii() and character.islower()


@lru_cache(4096)
def _likeliest(word: str) -> float:
    return max(language.score(word) for language in languages().values() if language.is_latin)


@cache
def languages() -> dict[str, Language]:
    """Return all languages, by their codes."""
    tables = json.loads(TABLES.read_text())
    return {code: language(**table) for code, table in tables.items()}


def language(mean: float, spread: float, letters: str, pairs: Sequence[str], alone: str = "") -> Language:
    """Return a language from its table.

    A language of characters has a code for each of them `alone`, and `pairs` of them. An alphabet's `pairs` are a row
    for each letter, with a code for each that may follow.
    """
    if alone:
        likely = {letter: -UNIT * CODES.index(code) for letter, code in zip(letters, alone, strict=True)}
        return Characters(mean, spread, likely, frozenset(pairs))
    after = {
        one + other: -UNIT * CODES.index(code)
        for one, row in zip(letters, pairs, strict=True)
        for other, code in zip(letters, row, strict=True)
    }
    return Alphabet(mean, spread, after, frozenset(letters))
