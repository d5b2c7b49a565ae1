"""The configuration of a training run: everything that decides its result, validated, in one place."""

from dataclasses import dataclass, replace
from typing import Any

import torch
from pydantic import SerializeAsAny, TypeAdapter, ValidationError
from torch import Tensor

from meta_training.data.image_classes import ImageClasses
from meta_training.errors import RunError
from meta_training.reptile import ALGORITHMS
from models.encoders.interface import Encoder
from models.encoders.none import NoEncoder
from models.estimates.calibration import Calibration
from models.heads.interface import Head
from models.initializations.mixture import FIRST
from models.inputs.interface import Input
from models.metadata import CheckpointMetadata, InnerSpec, calibration_up_to_date, parts_from_format_1
from models.networks.interface import Network

NAME_RULE = "be 1 to 64 of a-z, 0-9, '.', '_' and '-', the first a letter or a digit"
NO_ENCODER = NoEncoder()


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """A run of a meta-algorithm. Two runs of one configuration on the same data give the same weights."""

    name: str
    """Name of the checkpoint it makes."""
    input: SerializeAsAny[Input]
    """What an example is."""
    encoder: SerializeAsAny[Encoder] = NO_ENCODER
    """What examples go through first, frozen, with pretrained weights."""
    calibration: Calibration | None = None
    """The constants by which scores and expected accuracy mean what they say."""
    network: SerializeAsAny[Network]
    """The network that adapts."""
    head: SerializeAsAny[Head]
    """The last layer, and how it starts."""
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
    """Meta steps of the run; with 0 it gives the weights that it starts from."""
    meta_batch: int
    """Tasks of a meta step, T."""
    epsilon: float = 1.0
    """Meta step size at the start; it falls linearly to 0."""
    seed: int = 0
    """Decides the first weights and every task."""
    validation: bool = True
    """Whether classes are kept from training to choose by. The paper's runs, where nothing is left to choose, train on
    these too."""
    algorithm: str = "reptile"
    """The meta-algorithm, by its name in meta_training/reptile.py: `reptile`, or `fomaml` for first-order MAML."""
    tail_shots: int = 0
    """Of `shots`, those that the last mini-batch of a FOMAML task draws from, and nothing else does: neither the other
    mini-batches nor the head. 0 where all draw from all."""

    loss_shots: int = 0
    """Of `shots`, those that the loss of an inner step is on, while the head is made of others; all are drawn anew for
    each step. 0 where a loss is on a mini-batch of the images that the head was made of."""
    neighbours: int = 0
    """A task's classes are among so many that are nearest to one of them, by the mean of what the encoder makes of
    their examples: they are hard to tell apart. 0 where any are drawn. Wants loss_shots."""
    by_domain: bool = False
    """Whether a task's classes are of one domain, which is the first folder of their paths."""
    domains: tuple[str, ...] = ()
    """Of the domains there are, those to train on; () for all."""
    initialization: str = ""
    """Name of the initialization that the run adds to a mixture; "" for a run that makes a theta of its own."""
    strength: float = 1.0
    """Part of the way from the first weights to the run's that its initialization, or its theta, keeps."""
    owns: tuple[str, ...] = ()
    """Domains whose examples go to the mixture's bank as this initialization's; () for all that it is trained on."""

    def __post_init__(self) -> None:
        """Raise RunError for a value that no run can have."""
        low, high = self.ways
        self._require_a_checkpoint()
        self._require(2 <= low <= high, "ways", "go from at least 2 upwards")
        self._require(self.head.fixed_ways is None or low == high == self.head.fixed_ways, "ways", "fit the head")
        for count in ("shots", "inner_batch", "inner_steps", "meta_batch"):
            self._require(getattr(self, count) >= 1, count, "be at least 1")
        self._require(self.meta_steps >= 0, "meta_steps", "be at least 0")
        self._require(self.algorithm in ALGORITHMS, "algorithm", f"be one of {', '.join(ALGORITHMS)}")
        self._require_a_tail_that_fits()
        self._require(0 <= self.loss_shots < self.shots, "loss_shots", "be at least 0 and less than shots")
        solved = not self.head.moment_shapes(features=1)
        self._require(self.initialization != FIRST, "initialization", "have another name than the first one's")
        self._require(self.loss_shots == 0 or solved, "loss_shots", "be 0 for a head that takes steps")
        self._require(self.neighbours == 0 or self.loss_shots > 0, "neighbours", "be 0 where there are no loss_shots")
        self._require(self.neighbours == 0 or self.neighbours >= high, "neighbours", "be at least the most ways")
        kept = self.tail_shots + self.loss_shots
        self._require(1 <= self.head_shots <= self.shots - kept, "head_shots", "be between 1 and shots")
        self._require(self.learning_rate > 0, "learning_rate", "be above 0")
        for share in ("epsilon", "strength"):
            self._require(0 < getattr(self, share) <= 1, share, "be above 0 and at most 1")

    def _require_a_tail_that_fits(self) -> None:
        self._require(0 <= self.tail_shots < self.shots, "tail_shots", "be at least 0 and less than shots")
        if self.tail_shots > 0:
            self._require(self.algorithm == "fomaml", "algorithm", "be fomaml where there are tail_shots")
            self._require(self.inner_steps > 1, "inner_steps", "be at least 2 where there are tail_shots")

    def _require(self, holds: bool, field: str, rule: str) -> None:
        if not holds:
            raise RunError(f"{field} must {rule}; it is {getattr(self, field)}.")

    def _require_a_checkpoint(self) -> None:
        """Raise RunError unless a checkpoint can have this name, and these parts together."""
        try:
            self.metadata()
        except ValidationError as error:
            (first, *_) = error.errors()
            self._require(first["loc"] != ("name",), "name", NAME_RULE)
            raise RunError(f"{self.name} cannot be: {first['msg']}.") from error

    def metadata(self, **more: Any) -> CheckpointMetadata:
        """Return what its checkpoint says of itself: its parts, and `more`. Raises ValidationError if they can't be."""
        parts = {part: getattr(self, part) for part in ("encoder", "network", "input", "head", "inner", "calibration")}
        return CheckpointMetadata(**{"name": self.name, "created_at": "", **parts, **more})

    def fitted(self, classes: ImageClasses) -> "TrainConfig":
        """Return the same run with no more ways and shots than these classes have, unless the head's N is fixed."""
        if self.head.fixed_ways is not None:
            return self
        low, high = (min(ways, len(classes)) for ways in self.ways)
        shots = min(self.shots, *(len(pictures) for pictures in classes.images))
        loss_shots = min(self.loss_shots, shots - 1)
        head_shots = min(self.head_shots, shots - self.tail_shots - loss_shots)
        return replace(self, ways=(low, high), shots=shots, head_shots=head_shots, loss_shots=loss_shots)

    def features(self, examples: Tensor) -> Tensor:
        """Return examples [B, ...] as the network takes them; what isn't of the input's type is encoded already."""
        return self.input.normalize(examples) if examples.dtype == self.input.dtype else examples.float()

    def rates(self) -> Tensor:
        """Return the learning rate of each inner step in training [k]."""
        shares = [self.inner.share(number, self.inner_steps) for number in range(self.inner_steps)]
        return torch.tensor([self.learning_rate * share for share in shares])

    def document(self) -> dict[str, Any]:
        """Return the configuration as plain JSON values."""
        document: dict[str, Any] = TypeAdapter(type(self)).dump_python(self, mode="json")
        return document

    @classmethod
    def read(cls, document: Any) -> "TrainConfig":
        """Return the configuration of such a document, or of one that an older version wrote.

        A field that it lacks has its default. Raises ValueError, KeyError or TypeError for other documents.
        """
        if "policy" in document["head"]:
            document = {**document, **parts_from_format_1(document)}
        return TypeAdapter(cls).validate_python({**document, **calibration_up_to_date(document)})
