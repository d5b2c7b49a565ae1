"""Names that people give: any script, but no control characters."""

from __future__ import annotations

import re
import unicodedata

INVISIBLE = frozenset("\u00ad\u034f\u061c\u180e\u200b\u200e\u200f\u2060\ufeff") | frozenset(
    map(chr, [*range(0x202A, 0x202F), *range(0x2061, 0x2070)])
)
"""Marks that nobody sees: of byte order and direction, of where a word may be broken, of an empty width."""
BLANKS = "\u115f\u1160\u2800\u3164\uffa0"
"""Letters that are drawn as a blank."""
VISIBLE = str.maketrans(dict.fromkeys(INVISIBLE, "") | dict.fromkeys(BLANKS, " "))
JOINERS = "\u200c\u200d"
"""Between emoji, and in Persian or Indic words, they change what is seen; elsewhere nothing."""
STYLES = "\ufe0e\ufe0f"
TAGS = "".join(map(chr, range(0xE0020, 0xE0080)))
CHANGES = re.compile(f"[{JOINERS}{STYLES}{TAGS}]")
"""What shows by how it changes what stands before it, if at all."""
NO_TEXT = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""Controls, separators of lines and paragraphs, halves of surrogate pairs."""
NO_CONTROLS = r"^[^\u0000-\u001f\u007f-\u009f\u2028\u2029]*$"
"""The same as JSON Schema's `pattern`; JSON can't carry half a surrogate pair."""


def plain(text: str) -> str:
    """Return the text in Unicode's form NFC and without outer blanks, so that equal names are equal.

    Raises ValueError, which names the character, if one is no text.
    """
    plain = unicodedata.normalize("NFC", text).strip()
    if bad := NO_TEXT.search(plain):
        raise ValueError(f"it holds the character U+{ord(bad[0]):04X}, which is no text")
    return plain


def seen(text: str) -> str:
    """Return the text as people see it: `plain`, without marks that nobody sees, blanks of any width as one space.

    Raises ValueError, as `plain` does.
    """
    visible = plain(text).translate(VISIBLE)
    joined = CHANGES.sub(lambda found: found[0] if _shows(visible, found.start()) else "", visible)
    return unicodedata.normalize("NFC", re.sub("[^\\S\\n]+", " ", joined)).strip()


def shown(name: str) -> str:
    """Return the name with � for each character that is no text, which JSON or a terminal couldn't take."""
    return NO_TEXT.sub("\ufffd", name)


def _shows(text: str, place: int) -> bool:
    """Return whether one of CHANGES, at this place of a text, changes what is seen.

    A joiner does between the right ones, a choice between letter and emoji after what may be either, and the tags of a
    flag after the flag.
    """
    before = text[:place].rstrip(TAGS)[-1:]
    if text[place] in TAGS:
        return bool(before) and unicodedata.category(before) == "So"
    if text[place] in STYLES:
        return bool(before) and not before.isalpha()
    before, after = text[:place].rstrip(JOINERS)[-1:], text[place + 1 :].lstrip(JOINERS)[:1]
    return _is_joined(before) and _is_joined(after) and text[place - 1] not in JOINERS


def _is_joined(character: str) -> bool:
    """Return whether a character may look otherwise beside a joiner: emoji, and letters of scripts without case."""
    if not character:
        return False
    category, width = unicodedata.category(character), unicodedata.east_asian_width(character)
    return category in {"So", "Sk", "Mn", "Mc"} or (category == "Lo" and width not in "WFH")
