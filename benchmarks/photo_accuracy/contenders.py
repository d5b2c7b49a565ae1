"""Who is compared: the checkpoint as the service uses it, what it is worth without its parts, and the alternatives."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TypeAlias

import torch
from torch import Tensor

from benchmarks.photo_accuracy import alternatives
from benchmarks.photo_accuracy.episodes import Episodes
from benchmarks.photo_accuracy.photos import Photos
from meta_training.training import start
from models.learner import Learner
from models.tasks import Support

Contender: TypeAlias = Callable[[Photos, Episodes], Tensor]
"""The queries' labels [E, N·Q], as it sees them."""
Classifier: TypeAlias = Callable[[alternatives.Task], Tensor]

OURS, NO_STEPS, UNTRAINED = "kshot", "kshot, 0 steps", "kshot, not meta-trained"
ALTERNATIVES: dict[str, Classifier] = {
    "nearest centroid": alternatives.nearest_centroid,
    "nearest centroid, L2": alternatives.nearest_unit_centroid,
    "logistic regression, L2": alternatives.logistic_regression,
    "Teachable Machine": alternatives.teachable_machine,
}


def contenders(learner: Learner) -> dict[str, Contender]:
    """All by name, ours first; what it was before meta-training where that is something else."""
    ours: dict[str, Contender] = {OURS: partial(_adapt, learner, None), NO_STEPS: partial(_adapt, learner, 0)}
    if learner.checkpoint.metadata.count > 0 or learner.mixture:
        ours[UNTRAINED] = partial(_adapt, _untrained(learner), None)
    return ours | {name: partial(_classify, classifier) for name, classifier in ALTERNATIVES.items()}


def _untrained(learner: Learner) -> Learner:
    """The same learner before its first meta step, and without further initializations."""
    checkpoint = learner.checkpoint
    theta, _ = start(learner.architecture, checkpoint.metadata.encoder, seed=0)
    metadata = checkpoint.metadata.model_copy(update={"mixture": None})
    return Learner(replace(checkpoint, metadata=metadata, initialization=theta, mixture=None), learner.device)


def _adapt(learner: Learner, steps: int | None, photos: Photos, episodes: Episodes) -> Tensor:
    """As the service does for tasks that wait together, with its default steps where none are given."""
    inner, labels, ways = learner.checkpoint.metadata.inner, episodes.labels, episodes.ways
    if steps is None:
        steps = inner.steps_for(len(labels) // ways)
    supports, queries = (
        torch.stack([learner.encode(photos.places[one]) for one in numbers])
        for numbers in (episodes.support, episodes.query)
    )
    made = learner.adapt([Support(support, labels, ways, steps, inner.learning_rate) for support in supports])
    answers = learner.predict([each.adapted for each in made], list(queries))
    return torch.stack([each.probabilities.argmax(dim=1) for each in answers])


def _classify(classifier: Classifier, photos: Photos, episodes: Episodes) -> Tensor:
    support, query = photos.pooled[episodes.support], photos.pooled[episodes.query]
    return classifier(alternatives.Task(support.cpu(), query.cpu(), episodes.ways, seed=episodes.first))
