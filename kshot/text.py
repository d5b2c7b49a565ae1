"""What people call things: letters of any script, but nothing that is no text."""

from __future__ import annotations

import unicodedata

NO_TEXT = {"Cc", "Cs", "Zl", "Zp"}  # controls, halves of surrogate pairs, separators of lines and paragraphs


def plain(text: str) -> str:
    """The text without outer blanks, and letters in one piece with their accents, so that equals are equal.

    Raises ValueError, which names the character, if one is no text.
    """
    plain = unicodedata.normalize("NFC", text).strip()
    if bad := next(filter(_is_no_text, plain), None):
        raise ValueError(f"it holds the character U+{ord(bad):04X}, which is no text")
    return plain


def shown(name: str) -> str:
    """The name with � for each character that is no text: JSON, or a terminal, would choke on it."""
    return "".join("\ufffd" if _is_no_text(character) else character for character in name)


def _is_no_text(character: str) -> bool:
    return unicodedata.category(character) in NO_TEXT
