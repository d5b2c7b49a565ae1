"""Shares of initializations as a request writes them."""

from __future__ import annotations

from app.errors import InitializationUnsuitable

REMEDY = "Write a name, or names with shares, as in glyphs=0.7,graphics=0.2."


def parse_shares(text: str) -> dict[str, float]:
    """Return the shares by name of `name`, which takes all, or of `name=share,name=share`.

    Raises InitializationUnsuitable.
    """
    shares: dict[str, float] = {}
    for part in text.split(","):
        name, _, share = part.partition("=")
        if name.strip() in shares:
            detail = f"initialization names {name.strip()!r:.60} twice. {REMEDY}"
            raise InitializationUnsuitable(detail, field="initialization")
        try:
            shares[name.strip()] = float(share) if share else 1.0
        except ValueError as error:
            detail = f"initialization has {part.strip()!r:.60}, whose share is no number. {REMEDY}"
            raise InitializationUnsuitable(detail, field="initialization") from error
    return shares
