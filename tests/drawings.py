"""The sample drawings of tests/data, which the shipped checkpoint never saw; see the README beside them."""

from __future__ import annotations

from pathlib import Path

DRAWINGS = Path(__file__).parent / "data" / "drawings"

SUPPORT = DRAWINGS / "support"
"""5 class folders of 5 drawings."""

CLASSES = sorted(folder.name for folder in SUPPORT.iterdir())
DRAWN = sorted(SUPPORT.glob("*/*.png"))

NEW = sorted((DRAWINGS / "query").glob("*/*.png"))
"""3 further drawings of each class of SUPPORT."""

RIGHT = [path.parent.name for path in NEW]
"""What NEW shows."""

MORE = DRAWINGS / "more"
"""3 further class folders of 8 drawings."""
