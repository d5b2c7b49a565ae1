"""Which files of an archive are pictures, and what the others are."""

from __future__ import annotations

from pathlib import PurePosixPath

from models.inputs.formats import SUFFIXES, looks_foreign, looks_like_picture

OTHERS = {
    b"PK\x03\x04": "an archive or a document",
    b"RIFF": "a film or a sound",
    b"OggS": "a film or a sound",
    b"ID3": "a sound",
}


def why_not(path: PurePosixPath, head: bytes) -> str:
    """Return why a file with these first bytes is no picture, or nothing if it is one.

    One that says by its suffix that it is a picture counts as one: the decoder refuses it if it isn't.
    """
    if path.suffix.lower() in SUFFIXES or looks_like_picture(head):
        return ""
    if not head:
        return "it is empty"
    if foreign := looks_foreign(head):
        return f"it is {foreign}, which isn't read"
    found = next((kind for mark, kind in OTHERS.items() if head.startswith(mark)), None)
    return f"it is {found or ('text' if _is_text(head) else 'no picture in a format that is read')}"


def _is_text(head: bytes) -> bool:
    return all(byte >= 32 or byte in b"\t\n\r\f" for byte in head)
