"""Names that people give: any script, but no control characters."""

from __future__ import annotations

import unicodedata

NO_TEXT = {"Cc", "Cs", "Zl", "Zp"}  # controls, halves of surrogate pairs, separators of lines and paragraphs


def plain(text: str) -> str:
    """Return the text in Unicode's form NFC and without outer blanks, so that equal names are equal.

    Raises ValueError, which names the character, if one is no text.
    """
    plain = unicodedata.normalize("NFC", text).strip()
    if bad := next(filter(_is_no_text, plain), None):
        raise ValueError(f"it holds the character U+{ord(bad):04X}, which is no text")
    return plain


def shown(name: str) -> str:
    """Return the name with � for each character that is no text, which JSON or a terminal couldn't take."""
    return "".join("\ufffd" if _is_no_text(character) else character for character in name)


def _is_no_text(character: str) -> bool:
    return unicodedata.category(character) in NO_TEXT
