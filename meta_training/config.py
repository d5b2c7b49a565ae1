"""What a training run is: everything that decides its result, validated, in one place."""

from dataclasses import asdict, dataclass, replace
from typing import Any

from pydantic import ValidationError

from meta_training.datasets import ImageClasses
from meta_training.errors import RunError
from models.metadata import CheckpointMetadata, HeadSpec, InnerSpec
from models.preprocess import InputSpec


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """A Reptile run. Two runs of one configuration on the same data give the same weights."""

    name: str
    """Name of the checkpoint it makes."""
    input: InputSpec
    """What the network sees."""
    head: HeadSpec
    """How the head starts."""
    inner: InnerSpec
    """Inner optimizer, and the steps and learning rate that the checkpoint serves with."""
    ways: tuple[int, int]
    """Fewest and most classes of a training task, N drawn evenly between; the same twice for a fixed N."""
    shots: int
    """Images a class that the inner steps of a training task draw from; more than at test time (paper, 6.1)."""
    head_shots: int
    """A head built from the support set sees between 1 and this many of them."""
    inner_batch: int
    """Images of a training mini-batch."""
    inner_steps: int
    """Mini-batches, and so inner steps, of a training task."""
    learning_rate: float
    """Inner learning rate in training."""
    meta_steps: int
    """Meta steps of the run."""
    meta_batch: int
    """Tasks of a meta step, T."""
    epsilon: float = 1.0
    """Meta step size at the start; it falls linearly to 0."""
    seed: int = 0
    """Decides the first weights and every task."""
    validation: bool = True
    """Whether classes are kept from training to choose by. The paper's runs, where nothing is left to choose, train on
    these too."""

    def __post_init__(self) -> None:
        """Raises RunError for a value no run can have."""
        low, high = self.ways
        rule = "be 1 to 64 of a-z, 0-9, '.', '_' and '-', the first a letter or a digit"
        self._require(self._names_a_checkpoint(), "name", rule)
        self._require(2 <= low <= high, "ways", "go from at least 2 upwards")
        self._require(
            self.head.ways in (None, high) and (self.head.ways is None or low == high), "ways", "fit the head"
        )
        for field in ("shots", "inner_batch", "inner_steps", "meta_steps", "meta_batch"):
            self._require(getattr(self, field) >= 1, field, "be at least 1")
        self._require(1 <= self.head_shots <= self.shots, "head_shots", "be between 1 and shots")
        self._require(self.learning_rate > 0, "learning_rate", "be above 0")
        self._require(0 < self.epsilon <= 1, "epsilon", "be above 0 and at most 1")

    def _require(self, holds: bool, field: str, rule: str) -> None:
        if not holds:
            raise RunError(f"{field} must {rule}; it is {getattr(self, field)}.")

    def _names_a_checkpoint(self) -> bool:
        try:
            CheckpointMetadata(name=self.name, created_at="", input=self.input, head=self.head, inner=self.inner)
        except ValidationError:
            return False
        return True

    def fitted(self, classes: ImageClasses) -> "TrainConfig":
        """The same run with no more ways and shots than these classes have, where the head's N isn't fixed."""
        if self.head.ways is not None:
            return self
        low, high = (min(ways, len(classes)) for ways in self.ways)
        shots = min(self.shots, *(len(pictures) for pictures in classes.images))
        return replace(self, ways=(low, high), shots=shots, head_shots=min(self.head_shots, shots))

    def document(self) -> dict[str, Any]:
        """The configuration as plain JSON values."""
        specs = {field: getattr(self, field).model_dump() for field in ("input", "head", "inner")}
        return {**asdict(self), "ways": list(self.ways), **specs}
