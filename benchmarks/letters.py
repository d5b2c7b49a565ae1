"""The letters of languages, by which archives' names are told from noise: app/inputs/archives/names/letters.json.

    pip install wordfreq opencc-python-reimplemented     # lists of words, for this alone
    python -m benchmarks.letters

Counts come from the most frequent words of each language, less those of tests/data/names/nouns.json, which the tests
draw names from. Frequent words count less than they occur, as names of classes are nouns more than text is.
"""

from __future__ import annotations

import json
import math
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise
from pathlib import Path

from app.inputs.archives.names import letters

WORDS = 40_000  # of each language
FLATTENED = 0.05  # the power of a word's frequency that it counts by
MOST_CHARACTERS = {"ja": 2500, "zh": 4000, "zh-hant": 4000, "ko": 1500}
SIGNS = {"ja": "・「」（）", "zh": "（）【】", "zh-hant": "（）「」", "ko": ""}
LATIN = (
    "pl",
    "cs",
    "hu",
    "ro",
    "sk",
    "sh",
    "sl",
    "de",
    "fr",
    "es",
    "pt",
    "it",
    "nl",
    "sv",
    "da",
    "nb",
    "fi",
    "tr",
    "lt",
    "lv",
    "vi",
)
ALPHABETS = (*LATIN, "sr", "ru", "uk", "bg", "el", "he", "ar", "fa")
LISTS = {"zh-hant": "zh", "sr": "sh"}  # languages that are written in two ways
CEDILLAS = str.maketrans("șț", "şţ")  # as code pages have them
HELD_OUT = Path("tests/data/names/nouns.json")
PAIRED, PAIRED_SHARE = 0.2, 1e-3  # how often the second must follow the first, and how often occur at most
SMOOTHING = 0.1  # of a pair that was never seen, in what words count


def main() -> None:
    """Write the tables."""
    held_out = {word for words in json.loads(HELD_OUT.read_text()).values() for word in words.split()}
    tables = {code: characters(words(code, held_out), most, SIGNS[code]) for code, most in MOST_CHARACTERS.items()}
    tables |= {code: alphabet(words(code, held_out)) for code in ALPHABETS}
    letters.TABLES.write_text(
        json.dumps(tables, ensure_ascii=False, separators=(",", ":")).replace("},", "},\n") + "\n"
    )
    sys.stdout.write(f"{letters.TABLES}: {letters.TABLES.stat().st_size} bytes\n")


def words(code: str, held_out: set[str]) -> dict[str, float]:
    """Return the words of a language and how much each counts."""
    from wordfreq import get_frequency_dict

    found: Mapping[str, float] = get_frequency_dict(LISTS.get(code, code), "best")
    own = (
        word for word in found if word.isalpha() and (code in LATIN or code in LISTS or not re.search("[a-z]", word))
    )
    common = sorted(own, key=lambda word: -found[word])[:WORDS]
    writing: Callable[[str], str] = {"zh-hant": _traditional, "sr": lambda: _cyrillic}.get(code, lambda: str)()
    counted: Counter[str] = Counter()
    for word in common:
        if (written := writing(word).translate(CEDILLAS)) not in held_out:
            counted[written] += found[word] ** FLATTENED
            if code == "de" and "ss" in word:  # the lists have no other ß
                counted[word.replace("ss", "ß")] += found[word] ** FLATTENED / 3
    return counted


def _cyrillic(word: str) -> str:
    """Return a Serbian word in Cyrillic; the lists have it in Latin letters."""
    for two, one in zip(("lj", "nj", "dž"), "љњџ", strict=True):
        word = word.replace(two, one)
    return word.translate(str.maketrans("abvgdđežzijklmnoprstćufhcčš", "абвгдђежзијклмнопрстћуфхцчш"))


def _traditional() -> Callable[[str], str]:
    from opencc import OpenCC

    convert: Callable[[str], str] = OpenCC("s2t").convert
    return convert


def characters(counted: Mapping[str, float], most: int, signs: str) -> dict[str, object]:
    """Return the table of a language of many characters: how often each occurs."""
    counts: Counter[str] = Counter()
    for word, count in counted.items():
        for character in word:
            counts[character] += count
    total = sum(counts.values())
    ranked = {each: count / total for each, count in counts.most_common(most) if not each.isascii()}
    ranked = dict.fromkeys(signs, min(ranked.values())) | ranked
    pairs = _pairs(counted, counts)
    return _measured(
        {"pairs": pairs, "letters": "".join(ranked), "alone": "".join(map(_code, ranked.values()))}, counted
    )


def _pairs(counted: Mapping[str, float], counts: Mapping[str, float]) -> list[str]:
    """Return the pairs of characters the second of which is rare, and follows the first in a part of all places."""
    pairs: Counter[str] = Counter()
    for word, count in counted.items():
        for one, other in pairwise(word):
            pairs[one + other] += count
    rare = sum(counts.values()) * PAIRED_SHARE
    return sorted(pair for pair, count in pairs.items() if count > counts[pair[0]] * PAIRED and counts[pair[1]] < rare)


def alphabet(counted: Mapping[str, float]) -> dict[str, object]:
    """Return the table of a language of letters: how likely each is after each other."""
    singles: Counter[str] = Counter()
    pairs: Counter[str] = Counter()
    for word, count in counted.items():
        for one, other in zip(f" {word}", f"{word} ", strict=True):
            singles[other] += count
            pairs[one + other] += count
    total = sum(singles.values())
    used = [letter for letter, count in singles.most_common() if count > total * 1e-4]
    rows = [_row(one, used, pairs, SMOOTHING) for one in used]
    return _measured({"letters": "".join(used), "pairs": rows}, counted)


def _row(one: str, used: Iterable[str], pairs: Mapping[str, float], least: float) -> str:
    """Return a code for how likely each letter is after this one."""
    counts = [pairs.get(one + other, 0) + least for other in used]
    total = sum(counts)
    return "".join(_code(count / total) for count in counts)


def _code(share: float) -> str:
    """Return the code for how likely something is."""
    return letters.CODES[min(round(-math.log(share) / letters.UNIT), len(letters.CODES) - 1)]


def _measured(table: dict[str, object], counted: Mapping[str, float]) -> dict[str, object]:
    """Return the table with what letters of the words score by it: the mean, and the spread of words' totals."""
    language = letters.language(mean=0, spread=1, **table)
    scored = [(language.score(word), len(word), count) for word, count in counted.items()]
    weight = sum(count for *_, count in scored)
    mean = sum(score * count for score, _, count in scored) / sum(size * count for _, size, count in scored)
    squares = sum((score - size * mean) ** 2 / size * count for score, size, count in scored)
    return {"mean": round(mean, 3), "spread": round(math.sqrt(squares / weight), 3), **table}


if __name__ == "__main__":
    main()
