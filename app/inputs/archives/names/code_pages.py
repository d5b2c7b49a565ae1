"""Code pages, and which of them some names are in: by how much the letters that come out look like a language's.

A name in the wrong code page is almost always readable bytes, and never a word. So the names are decoded in each code
page, and what comes out is scored by how likely its letters are in the languages written in it. The best reading is
sure if it is far ahead of all that read otherwise, and about as likely as that language's words are.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from app.inputs.archives.names.letters import Language, languages

# What Windows takes for names in zips, by country; then what other systems wrote.
CODE_PAGES: dict[str, tuple[str, ...]] = {
    "cp932": ("ja",),
    "gbk": ("zh",),
    "big5": ("zh-hant",),
    "cp949": ("ko",),
    "cp866": ("ru", "uk", "bg"),
    "cp1251": ("ru", "uk", "bg", "sr"),
    "cp852": ("pl", "cs", "hu", "ro", "sk", "sh", "sl", "de"),
    "cp850": ("de", "fr", "es", "pt", "it", "nl", "sv", "da", "nb", "fi"),
    "cp437": ("de", "fr", "es", "pt", "it", "nl", "sv", "da", "nb", "fi"),
    "cp1250": ("pl", "cs", "hu", "ro", "sk", "sh", "sl", "de"),
    "cp1252": ("de", "fr", "es", "pt", "it", "nl", "sv", "da", "nb", "fi"),
    "cp737": ("el",),
    "cp1253": ("el",),
    "cp857": ("tr",),
    "cp1254": ("tr",),
    "cp862": ("he",),
    "cp1255": ("he",),
    "cp720": ("ar", "fa"),
    "cp1256": ("ar", "fa"),
    "cp775": ("lt", "lv"),
    "cp1257": ("lt", "lv"),
    "koi8-r": ("ru", "bg"),
    "koi8-u": ("ru", "uk"),
    "euc_jp": ("ja",),
}
UNDETECTED = ("cp874", "cp1258", "cp855", "gb18030", "big5hkscs", "cp950")
KNOWN = ("utf-8", *CODE_PAGES, *UNDETECTED)
# Encodings that a larger one of KNOWN holds.
WITHIN = {"shift_jis": "cp932", "euc_kr": "cp949", "gb2312": "gbk", "cp1125": "cp866", "iso8859-1": "cp1252"}

OEM = ("utf-8", "cp932", "euc_jp", "gbk", "big5", "cp949", "cp866", "cp1251", "cp852", "cp850", "cp437")
SELDOM = -4.0  # nats for a code page that isn't among these
# Nats that a reading must be ahead, and more of them for each letter beyond ASCII: so far does chance take wrong ones.
MARGIN, MARGIN_OF_LETTER, MOST_IN_MARGIN = 7.5, 0.5, 20
LEAST_DEVIATION = -4.0  # standard deviations from what a language's words score
MOST_LETTERS = 1500  # that are scored, so that no archive takes long
UNIX_BONUS = 8.0  # nats for UTF-8 in an archive that was made on macOS or Linux
UTF8_BONUS = 1.5  # nats for each byte of a sequence: bytes of other code pages form one by chance about that seldom
MOST_AGAINST = -3.0  # nats that a word in ASCII may count against a language
WORD = re.compile(r"[^ 0-9_.,()&+-]+")


@dataclass(frozen=True)
class Reading:
    """Names as they read in an encoding, and how likely that is, in nats.

    `deviation` is from what the language's words score, and `letters` are those beyond ASCII that were scored.
    """

    encoding: str
    names: list[str]
    score: float
    deviation: float
    letters: int


def readings(names: Sequence[bytes], from_unix: bool = False) -> list[Reading]:
    """Return how names read in each encoding that they can be in, the likeliest first.

    `from_unix` says that they come from a system that writes UTF-8.
    """
    found: dict[tuple[str, ...], Reading] = {}
    for encoding in ("utf-8", *CODE_PAGES):
        try:
            decoded = [name.decode(encoding) for name in names]
        except UnicodeDecodeError:
            continue
        reading = _reading(encoding, decoded, from_unix)
        same = found.setdefault(tuple(decoded), reading)
        if reading.score > same.score:
            found[tuple(decoded)] = reading
    return sorted(found.values(), key=lambda reading: -reading.score)


def is_sure(found: Sequence[Reading]) -> bool:
    """Say whether the first reading is far ahead, and likely by itself."""
    best, *others = found
    ahead = best.score - others[0].score if others else math.inf
    return ahead >= MARGIN + MARGIN_OF_LETTER * min(best.letters, MOST_IN_MARGIN) and best.deviation >= LEAST_DEVIATION


def _reading(encoding: str, decoded: list[str], from_unix: bool) -> Reading:
    words = _words(decoded)
    spoken = CODE_PAGES.get(encoding) or tuple(languages())
    score, deviation = max(_score(words, languages()[code]) for code in spoken)
    letters = [letter for word in words for letter in word if not letter.isascii()]
    if encoding == "utf-8":
        score += UTF8_BONUS * len("".join(letters).encode()) + UNIX_BONUS * from_unix
        deviation = max(deviation, LEAST_DEVIATION)
    return Reading(encoding, decoded, score + SELDOM * (encoding not in OEM), deviation, len(letters))


def _words(names: Sequence[str]) -> list[str]:
    """Return the words of folders' names and of files' that aren't ASCII, each once, up to a number of letters."""
    words: dict[str, None] = {}
    letters = 0
    for part in dict.fromkeys(part for name in names for part in _parts(name)):
        for word in WORD.findall(unicodedata.normalize("NFC", part)):
            letters += len(word) * (word not in words)
            words[word] = None
        if letters >= MOST_LETTERS:
            break
    return list(words)


def _parts(name: str) -> list[str]:
    *folders, file = name.split("/")
    return folders if file.isascii() else [*folders, file.rpartition(".")[0] or file]


def _score(words: Sequence[str], language: Language) -> tuple[float, float]:
    """Return the log-likelihood of words in a language, and its distance from what words of it have."""
    total, count, against = 0.0, 0, 0.0
    for word in words:
        if word.isascii():
            against += max(MOST_AGAINST, language.against(word))
        else:
            total += language.score(word)
            count += len(word)
    return total + against, language.deviation(total, count)
