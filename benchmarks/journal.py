"""Results in a file as they end, so that a long run can be stopped and started again."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import typer

from models.atomic_file import replace_file


@dataclass
class Journal:
    """Rows of plain JSON values that a run has found so far; without a path they are forgotten at the end.

    `about` says what was run: results of something else are none of this run's.
    """

    path: Path | None
    about: dict[str, Any]
    rows: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def open(cls, path: Path | None, about: dict[str, Any]) -> "Journal":
        """Go on with a file. Raises typer.BadParameter for one of another run."""
        if path is None or not path.exists():
            return cls(path, about)
        document = json.loads(path.read_text())
        for name in about.keys() - {"machine"}:
            if document.get(name) != about[name]:
                raise typer.BadParameter(
                    f"{path} has results of {name} {document.get(name)}, not {about[name]}. Name another file.",
                    param_hint="--json",
                )
        return cls(path, about, document["results"])

    def find(self, key: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return the row that has these values, if there is one."""
        return next((row for row in self.rows if key.items() <= row.items()), None)

    def write(self, key: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
        """Write what was found for a key in the place of what was there, and return the row."""
        row = {**values, **key}
        self.rows = [each for each in self.rows if not key.items() <= each.items()] + [row]
        if self.path:
            replace_file(self.path, (json.dumps({**self.about, "results": self.rows}, indent=1) + "\n").encode())
        return row
