"""Who is compared, all on the same vectors: the checkpoint as the service uses it, without its parts, and others."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeAlias

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from torch import Tensor
from torch.nn.functional import normalize

from meta_training.training import start
from models.encoders.minilm.encoder import FEATURES
from models.learner import Learner
from models.tasks import Support

OURS, STEPS, FROZEN = "kshot", "kshot, 5 steps", "kshot, not meta-trained"
REGRESSION, CENTROID = "logistic regression", "nearest centroid"
LAST_ALONE = "logistic regression, last layer alone"
STRENGTH = 10.0
"""C, the inverse of the penalty on vectors of length 1, which validation classes like best of 1, 10, 100 and 1000."""


@dataclass(frozen=True)
class Task:
    """A support set [S, F] with labels [S], and queries [Q, F]."""

    support: Tensor
    labels: Tensor
    queries: Tensor

    @property
    def ways(self) -> int:
        """N."""
        return int(self.labels.max()) + 1

    def of_last_layer(self) -> "Task":
        """Return the same without what lower layers say."""
        return replace(self, support=self.support[:, :FEATURES], queries=self.queries[:, :FEATURES])


Contender: TypeAlias = Callable[[Task], Tensor]
"""The queries' labels [Q], as it sees them."""


def contenders(learner: Learner, *, few: bool = False) -> dict[str, Contender]:
    """All by name, ours first; with inner steps where there are few classes, as with many they take minutes."""
    checkpoint = learner.checkpoint
    theta, _ = start(learner.architecture, checkpoint.metadata.encoder, seed=0)
    frozen = Learner(replace(checkpoint, initialization=theta), learner.device)
    steps: dict[str, Contender] = {STEPS: partial(adapted, learner, 5)} if few else {}
    return {
        OURS: partial(adapted, learner, None),
        **steps,
        FROZEN: partial(adapted, frozen, None),
        REGRESSION: regression,
        LAST_ALONE: lambda task: regression(task.of_last_layer()),
        CENTROID: centroid,
    }


def support_of(learner: Learner, task: Task, steps: int | None) -> Support:
    """The support set with so many steps, or the default."""
    inner = learner.checkpoint.metadata.inner
    rarest = int(torch.bincount(task.labels).min())
    steps = inner.steps_for(rarest) if steps is None else steps
    return Support(task.support, task.labels, task.ways, steps, inner.learning_rate)


def adapted(learner: Learner, steps: int | None, task: Task) -> Tensor:
    """By the calls of the service."""
    (made,) = learner.adapt([support_of(learner, task, steps)])
    (said,) = learner.predict([made.adapted], [task.queries])
    return said.probabilities.argmax(dim=1)


def regression(task: Task) -> Tensor:
    """scikit-learn's."""
    model = LogisticRegression(C=STRENGTH, max_iter=1000).fit(task.support.numpy(), task.labels.numpy())
    predicted: np.ndarray = model.predict(task.queries.numpy())
    return torch.from_numpy(predicted)


def centroid(task: Task) -> Tensor:
    """The class whose mean direction is nearest."""
    sums = torch.zeros(task.ways, task.support.shape[1]).index_add(0, task.labels, task.support)
    return (task.queries @ normalize(sums, dim=1).T).argmax(dim=1)
