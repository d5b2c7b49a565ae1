"""What a checkpoint says of episodes, beside what is true."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from tqdm import tqdm

from meta_training.calibration.episodes import Episode, Plan
from models.checkpoint import Checkpoint
from models.estimates.calibration import Calibration
from models.estimates.cross_validation import Signs
from models.estimates.familiarity import LEVEL, KnownSpec
from models.learner import Learner

PLAIN = Calibration(
    temperature=1,
    known=KnownSpec(strictness=1, offset=0, slope=1, spread=1e-6),
)
"""Under which a learner says what it sees: logits, and as the level of single images the familiarity with others."""


@dataclass(frozen=True)
class Observation:
    """An episode: logits [Q, N] about queries, their answers [Q], and what there was to tell from the support set."""

    data: str
    shots: tuple[int, ...]
    different: tuple[int, ...]
    """`shots` without the further frames of an image."""
    logits: Tensor
    answers: Tensor
    stepped: bool
    signs: Signs | None
    familiarity: Tensor
    """[Q]."""
    level: Tensor
    """Mean and standard deviation of familiarity, as the support set tells."""

    @property
    def accuracies(self) -> Tensor:
        """Share of each class's queries that are right [N]."""
        right = (self.logits.argmax(dim=1) == self.answers).float()
        return torch.stack([right[self.answers == label].mean() for label in range(len(self.shots))])


def observe(checkpoint: Checkpoint, calibration: Calibration | None, episodes: Plan) -> Iterator[Observation]:
    """Adapt the checkpoint to episodes of encoded images, and ask it.

    It answers under `calibration`, whatever its own is.
    """
    metadata = checkpoint.metadata.model_copy(update={"calibration": calibration})
    learner = Learner(replace(checkpoint, metadata=metadata), torch.device("cpu"))
    for name, draw in tqdm(episodes, desc="adapting", unit="episode", leave=False):
        yield _observe(learner, name, draw())


def _observe(learner: Learner, name: str, episode: Episode) -> Observation:
    support = episode.support(learner)
    (made,) = learner.adapt([support])
    (said,) = learner.predict([made.adapted], [learner.encode(episode.queries)])
    found = said.looks.familiarity
    return Observation(
        data=name,
        shots=episode.shots,
        different=episode.different,
        logits=said.probabilities.clamp_min(torch.finfo(torch.float32).tiny).log(),
        answers=episode.answers,
        stepped=support.steps > 0,
        signs=made.expectation.signs if made.expectation else None,
        familiarity=torch.empty(0) if found is None else found,
        level=made.adapted.tensors[LEVEL].float(),
    )
