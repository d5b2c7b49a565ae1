"""What is scored, and what came of it."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict


class BatchNorm(StrEnum):
    """Whose statistics batch norm classifies a query by, in the paper's protocol."""

    WITH_SUPPORT = "(a) support + one query"
    TRANSDUCTIVE = "(b) all queries together"
    FROZEN = "(c) support, frozen"


class Setting(BaseModel):
    """N ways, K shots, Q queries a class; k inner steps at a learning rate."""

    model_config = ConfigDict(frozen=True)

    ways: int
    shots: int
    queries: int = 1
    steps: int
    learning_rate: float
    transductive: bool = False

    @property
    def title(self) -> str:
        """As the field writes it: `5-way 1-shot`."""
        return f"{self.ways}-way {self.shots}-shot"


class Score(Setting):
    """Mean accuracy over episodes in a setting and half the width of its 95 % interval, both between 0 and 1."""

    accuracy: float
    interval: float
    episodes: int
    batch_norm: BatchNorm | None = None
    """By the paper's protocol; None where the calls of the service were scored."""
    inner_batch: int | None = None
    """Examples of an inner step, by the paper's protocol; None for the whole support set."""

    def __str__(self) -> str:
        return f"{100 * self.accuracy:.2f} ± {100 * self.interval:.2f} %"

    @property
    def place(self) -> tuple[int, int, BatchNorm | None]:
        """Of scores with the same, a card keeps the last."""
        return self.ways, self.shots, self.batch_norm

    def document(self) -> dict[str, Any]:
        """Return the score as plain JSON values, without what does not apply."""
        return self.model_dump(mode="json", exclude_none=True)


def score(setting: Setting, accuracies: Iterable[float], **protocol: Any) -> Score:
    """Return the mean of episode accuracies, with 1.96 standard errors around it; `protocol` goes into the score."""
    values = np.fromiter(accuracies, dtype=np.float64)
    error = values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else float("nan")
    found = {"accuracy": float(values.mean()), "interval": 1.96 * float(error), "episodes": len(values)}
    return Score(**{**setting.model_dump(), **found, **protocol})
