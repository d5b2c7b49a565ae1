"""What was meant by a name that isn't there."""

from __future__ import annotations

from collections.abc import Collection
from difflib import get_close_matches

LONGEST = 100  # characters of a name that are compared


def nearest(kind: str, name: str, there: Collection[str]) -> str:
    """Return what to say of an unknown name: the nearest one that there is, or all of them."""
    if close := get_close_matches(name[:LONGEST].casefold(), there, n=1):
        return f"there is no such {kind}; the nearest is {close[0]}"
    if there:
        return f"there is no such {kind}; there are {', '.join(there)}"
    return f"there is no {kind} here; leave it out"
