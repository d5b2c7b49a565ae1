"""A checkpoint's card, `<name>.json` beside it: what made it, what it never saw, and how it scores on that."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError, field_serializer

from meta_training.errors import DataError
from meta_training.evaluation.score import Score
from meta_training.run_folder import write_json


class _Part(BaseModel):
    """Kept whole: what this version does not know of a card is written back as it was."""

    model_config = ConfigDict(frozen=True, extra="allow")


class CardConfig(_Part):
    """The run's configuration, of which these are named in reports."""

    seed: int
    meta_steps: int


class CardData(_Part):
    """The classes of the run: how many it trained on, and which it did not."""

    source: str
    split_seed: int = 0
    training_classes: int
    validation_classes: tuple[str, ...] = ()
    test_classes: tuple[str, ...]


class Card(_Part):
    """What made a checkpoint, how long that took, and its scores by part of the data, `test` or `validation`."""

    name: str
    digest: str
    created_at: str
    command: str | None
    training_seconds: int
    config: CardConfig
    results: dict[str, tuple[Score, ...]] = {}
    data: CardData

    @property
    def test_scores(self) -> tuple[Score, ...]:
        """The scores on the test classes."""
        return self.results.get("test", ())

    @classmethod
    def read(cls, path: Path) -> "Card":
        """Return the card at `path`, or of the checkpoint there.

        Raises DataError that says what to do where it is missing, or is no card.
        """
        card = path.with_suffix(".json")
        if not card.exists():
            raise DataError(
                f"{card} is missing: it says which classes {path.stem} never saw. Put it beside the checkpoint."
            )
        try:
            return cls.model_validate(json.loads(card.read_text()))
        except ValidationError as error:
            where = ".".join(map(str, error.errors()[0]["loc"])) or "first character"
            raise DataError(f"{card} is no card that a run wrote: see its `{where}`. Fetch it anew.") from error
        except (OSError, ValueError) as error:
            raise DataError(f"{card} cannot be read as JSON ({error}). Fetch it anew.") from error

    def write(self, path: Path) -> None:
        """Write the card at `path`, or beside the checkpoint there, whole or not at all."""
        write_json(path.with_suffix(".json"), self.model_dump(mode="json"))

    def with_scores(self, part: str, scores: Iterable[Score]) -> "Card":
        """Return the card with these scores; those that it has in other settings stay."""
        merged = {score.place: score for score in (*self.results.get(part, ()), *scores)}
        return self.model_copy(update={"results": {**self.results, part: tuple(merged.values())}})

    def held_out(self, part: str) -> tuple[str, ...]:
        """Return the names of the `test` or `validation` classes. Raises DataError where there are none."""
        names = {"test": self.data.test_classes, "validation": self.data.validation_classes}[part]
        if not names:
            raise DataError(f"The card of {self.name} names no {part} classes in data.{part}_classes.")
        return names

    @field_serializer("results")
    def _documents(self, results: dict[str, tuple[Score, ...]]) -> dict[str, list[dict[str, Any]]]:
        return {part: [score.document() for score in scores] for part, scores in results.items()}
