"""Results in a file as they end, so that a long run can be stopped and started again."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import typer

from benchmarks.photo_accuracy.report import as_json, from_json
from benchmarks.photo_accuracy.results import Result
from models.atomic_file import replace_file


@dataclass
class Journal:
    """What a run has found so far; without a path it is forgotten at the end.

    `about` says what was run: results of something else are none of this run's.
    """

    path: Path | None
    about: dict[str, Any]
    results: list[dict[str, Any]] = field(default_factory=list)

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

    def result(self, data: str, ways: int, shots: int, episodes: int) -> Result | None:
        """Return what was found before, of as many episodes."""
        for each in self.results:
            if (each["data"], each["asked"], each["shots"], each["count"]) == (data, ways, shots, episodes):
                return from_json(each)
        return None

    def add(self, result: Result, asked: int) -> Result:
        """Write a result, of which so many ways were asked for, and return it."""
        count = len(next(iter(result.accuracies.values())))
        self.results.append({**as_json(result), "asked": asked, "count": count})
        if self.path:
            replace_file(self.path, (json.dumps({**self.about, "results": self.results}, indent=1) + "\n").encode())
        return result
