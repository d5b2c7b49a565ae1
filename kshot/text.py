"""Names that people give: any script, but no control characters."""

from __future__ import annotations

import re
import unicodedata

INVISIBLE = frozenset("\u00ad\u034f\u061c\u180e\u200b\u200e\u200f\u2060\ufeff") | frozenset(
    map(chr, [*range(0x202A, 0x202F), *range(0x2061, 0x2070)])
)
"""Marks that nobody sees: of byte order and direction, of where a word may be broken, of an empty width."""
BLANKS = str.maketrans(dict.fromkeys("\u115f\u1160\u2800\u3164\uffa0", " "))
"""Letters that are drawn as a blank."""
JOINERS = "\u200c\u200d"
"""Between emoji, and in Persian or Indic words, they change what is seen; elsewhere nothing."""
STYLES = "\ufe0e\ufe0f"
TAGS = "".join(map(chr, range(0xE0020, 0xE0080)))
NO_TEXT = {"Cc", "Cs", "Zl", "Zp"}  # controls, halves of surrogate pairs, separators of lines and paragraphs


def plain(text: str) -> str:
    """Return the text in Unicode's form NFC and without outer blanks, so that equal names are equal.

    Raises ValueError, which names the character, if one is no text.
    """
    plain = unicodedata.normalize("NFC", text).strip()
    if bad := next(filter(_is_no_text, plain), None):
        raise ValueError(f"it holds the character U+{ord(bad):04X}, which is no text")
    return plain


def seen(text: str) -> str:
    """Return the text as people see it: `plain`, without marks that nobody sees, blanks of any width as one space.

    Raises ValueError, as `plain` does.
    """
    visible = "".join(character for character in plain(text) if character not in INVISIBLE).translate(BLANKS)
    joined = "".join(character for place, character in enumerate(visible) if _shows(visible, place))
    return unicodedata.normalize("NFC", re.sub("[^\\S\\n]+", " ", joined)).strip()


def shown(name: str) -> str:
    """Return the name with � for each character that is no text, which JSON or a terminal couldn't take."""
    return "".join("\ufffd" if _is_no_text(character) else character for character in name)


def _shows(text: str, place: int) -> bool:
    """Return whether the character at a place of a text changes what is seen.

    A joiner does between the right ones, a choice between letter and emoji after what may be either, and the tags of a
    flag after the flag.
    """
    before = text[:place].rstrip(TAGS)[-1:]
    if text[place] in TAGS:
        return bool(before) and unicodedata.category(before) == "So"
    if text[place] in STYLES:
        return bool(before) and not before.isalpha()
    if text[place] not in JOINERS:
        return True
    before, after = text[:place].rstrip(JOINERS)[-1:], text[place + 1 :].lstrip(JOINERS)[:1]
    return _is_joined(before) and _is_joined(after) and text[place - 1] not in JOINERS


def _is_joined(character: str) -> bool:
    """Return whether a character may look otherwise beside a joiner: emoji, and letters of scripts without case."""
    if not character:
        return False
    category, width = unicodedata.category(character), unicodedata.east_asian_width(character)
    return category in {"So", "Sk", "Mn", "Mc"} or (category == "Lo" and width not in "WFH")


def _is_no_text(character: str) -> bool:
    return unicodedata.category(character) in NO_TEXT
