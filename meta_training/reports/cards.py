"""Cards of checkpoints, `<name>.json`, read back: `kshot train` makes them, `kshot evaluate` adds scores."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from meta_training.errors import DataError
from meta_training.evaluation.scoring import read_card

REMEDY = "Name a checkpoint's card, <name>.json, or the folder of a finished run."


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class CardScore(_Part):
    """Mean accuracy over episodes and half its 95 % interval, both between 0 and 1, and how they came about."""

    ways: int
    shots: int
    steps: int
    learning_rate: float
    accuracy: float
    interval: float
    episodes: int
    transductive: bool
    batch_norm: str | None = None
    """Kind of batch norm, by the paper's protocol; None where the service's calls were scored."""
    inner_batch: int | None = None
    """Images of an inner step; None for the whole support set."""


class CardConfig(_Part):
    """Of the configuration, what a report names."""

    seed: int
    meta_steps: int


class CardData(_Part):
    """The classes of a run."""

    source: str
    training_classes: int
    test_classes: tuple[str, ...]


class Card(_Part):
    """What made a checkpoint, how long that took, and how it did."""

    name: str
    digest: str
    command: str | None
    training_seconds: float
    config: CardConfig
    data: CardData
    results: dict[str, tuple[CardScore, ...]] = {}

    @property
    def scores(self) -> tuple[CardScore, ...]:
        """Those on the test classes."""
        return self.results.get("test", ())


def load_card(path: Path) -> Card:
    """The card at `path`, or beside the checkpoint there. Raises DataError that says what to name where it is none."""
    if path.suffix not in (".json", ".safetensors"):
        raise DataError(f"{path} is no card. {REMEDY}")
    try:
        return Card.model_validate(read_card(path))
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise DataError(f"{path} is no card that a run wrote: see its `{where}`. {REMEDY}") from error
