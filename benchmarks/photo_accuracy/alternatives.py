"""What one would use instead: classifiers of the pooled features of E support sets, which answer E query sets.

Each takes a `Task`, and gives the queries' labels [E, Q].
"""

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression, LogisticRegressionCV
from sklearn.model_selection import StratifiedKFold
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize

STRENGTHS = np.logspace(-2, 4, 7)  # C, the inverse of the penalty
FOLDS = 5
MOST_ITERATIONS = 1000

UNITS, RATE, EPSILON, EPOCHS, BATCH = 100, 1e-3, 1e-7, 50, 16  # Teachable Machine's


@dataclass(frozen=True)
class Task:
    """E episodes: features of support [E, S, F], class by class, and of query [E, Q, F]; a seed for what is random."""

    support: Tensor
    query: Tensor
    ways: int
    seed: int

    @property
    def shots(self) -> int:
        """K."""
        return self.support.shape[1] // self.ways

    @property
    def labels(self) -> Tensor:
        """Of the support set [S]."""
        return torch.arange(self.ways).repeat_interleave(self.shots)

    @property
    def unit(self) -> "Task":
        """The same with features of length 1."""
        return replace(self, support=normalize(self.support, dim=2), query=normalize(self.query, dim=2))


def nearest_centroid(task: Task) -> Tensor:
    """The class whose mean is nearest."""
    means = task.support.view(len(task.support), task.ways, task.shots, -1).mean(dim=2)
    return torch.cdist(task.query, means).argmin(dim=2)


def nearest_unit_centroid(task: Task) -> Tensor:
    """The same, of features of length 1."""
    return nearest_centroid(task.unit)


def logistic_regression(task: Task) -> Tensor:
    """scikit-learn's, of features of length 1; C by cross-validation in the support set, 1 where that has one shot.

    It goes by log-loss: by accuracy, several C often tie, and the first of them is 2 points worse on sign digits.
    """
    unit, labels, folds = task.unit, task.labels.numpy(), min(FOLDS, task.shots)
    pairs = zip(unit.support.double().numpy(), unit.query.double().numpy(), strict=True)
    return torch.from_numpy(np.stack([_regress(support, query, labels, folds) for support, query in pairs]))


def _regress(
    support: NDArray[np.float64], query: NDArray[np.float64], labels: NDArray[np.int64], folds: int
) -> NDArray[np.int64]:
    """In the span of the support set, where the penalised minimum lies: the same, but sooner."""
    _, _, basis = np.linalg.svd(support, full_matrices=False)
    if folds < 2:
        model = LogisticRegression(C=1.0, max_iter=MOST_ITERATIONS)
    else:
        split = StratifiedKFold(folds, shuffle=True, random_state=0)
        model = LogisticRegressionCV(
            Cs=STRENGTHS,
            l1_ratios=(0,),
            cv=split,
            scoring="neg_log_loss",
            max_iter=MOST_ITERATIONS,
            use_legacy_attributes=False,
        )
    predicted: NDArray[np.int64] = model.fit(support @ basis.T, labels).predict(query @ basis.T)
    return predicted


def teachable_machine(task: Task) -> Tensor:
    """Google's Teachable Machine: a dense layer of 100 ReLUs and a dense layer, trained for 50 epochs; E at once.

    Source: `teachable-mobilenet.ts` of googlecreativelab/teachablemachine-community. That one keeps 15 % of the photos
    back to report on and has one order for all epochs; these learn from all photos, shuffled anew.
    """
    generator, tasks, labels = torch.Generator().manual_seed(task.seed), len(task.support), task.labels
    hidden, out = (_scaled(generator, tasks, *shape) for shape in ((task.support.shape[2], UNITS), (UNITS, task.ways)))
    bias = torch.zeros(tasks, 1, UNITS, requires_grad=True)
    adam = torch.optim.Adam([hidden, bias, out], RATE, eps=EPSILON)

    def scores(x: Tensor) -> Tensor:
        return torch.bmm(torch.baddbmm(bias, x, hidden).relu(), out)

    for _ in range(EPOCHS):
        for batch in torch.split(torch.randperm(len(labels), generator=generator), BATCH):
            x, y = task.support[:, batch], labels[batch].expand(tasks, -1)
            adam.zero_grad()
            (tasks * cross_entropy(scores(x).transpose(1, 2), y)).backward()  # type: ignore[no-untyped-call]
            adam.step()
    with torch.no_grad():
        return scores(task.query).argmax(dim=2)


def _scaled(generator: torch.Generator, tasks: int, inputs: int, outputs: int) -> Tensor:
    """TensorFlow's variance scaling: normal, cut at two deviations, of variance 1 / inputs."""
    weight, deviation = torch.empty(tasks, inputs, outputs), inputs**-0.5
    torch.nn.init.trunc_normal_(weight, 0, deviation, -2 * deviation, 2 * deviation, generator=generator)
    return weight.requires_grad_()
