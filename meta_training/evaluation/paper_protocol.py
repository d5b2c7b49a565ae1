"""The Reptile paper's evaluation (Nichol et al. 2018, section 6, and its reference code).

Inner steps take mini-batches without replacement and begin with the trained second moment; there is one query a class,
and batch norm gets its statistics in three ways.
"""

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from meta_training.data.episodes import Episode, draw_minibatches, generator
from meta_training.data.image_classes import ImageClasses
from meta_training.evaluation.accuracy import batches, draw_numbered, to_query, to_support
from meta_training.evaluation.score import BatchNorm, Score, Setting, score
from models.heads.linear import logits
from models.inner_loop import inner_loop
from models.learner import Learner
from models.parameters import Parameters
from models.tasks import TaskBatch, collate


def evaluate_as_the_paper(
    learner: Learner,
    classes: ImageClasses,
    setting: Setting,
    batch: int,
    episodes: int,
    seed: int = 0,
    *,
    progress: bool = False,
) -> dict[BatchNorm, Score]:
    """Return a score for each kind of batch norm, from the same adapted weights; inner steps take `batch` examples.

    Raises DataError where the classes are too few or too small.
    """
    classes.require(setting.ways, setting.shots + setting.queries)
    right: dict[BatchNorm, list[float]] = {kind: [] for kind in BatchNorm}
    with tqdm(total=episodes, desc=setting.title, unit="episode", disable=not progress, leave=False) as bar:
        for numbers in batches(setting, episodes):
            drawn = [draw_numbered(classes, setting, seed, number) for number in numbers]
            order = _draw_order(setting, batch, seed, numbers)
            for kind, accuracies in _score(learner, setting, drawn, order).items():
                right[kind] += accuracies
            bar.update(len(drawn))
    return {
        kind: score(
            setting, accuracies, transductive=kind == BatchNorm.TRANSDUCTIVE, batch_norm=kind, inner_batch=batch
        )
        for kind, accuracies in right.items()
    }


def _draw_order(setting: Setting, batch: int, seed: int, numbers: range) -> Tensor:
    """Draw which support images [T, k, B] the inner steps of these episodes take."""
    images = setting.ways * setting.shots
    orders = [draw_minibatches(generator(seed, number), images, batch, setting.steps) for number in numbers]
    return torch.from_numpy(np.stack(orders))


def _score(learner: Learner, setting: Setting, episodes: list[Episode], order: Tensor) -> dict[BatchNorm, list[float]]:
    """Return each episode's accuracy, its inner steps on the images at `order` [T, k, B]."""
    support = collate([to_support(learner, setting, episode) for episode in episodes])
    queries, labels = (torch.stack(tensors) for tensors in zip(*(to_query(learner, e) for e in episodes), strict=True))
    parameters = _adapt(learner, setting, support, order.to(learner.device))
    return {
        kind: (answer(learner, parameters, support, queries).argmax(dim=2) == labels).double().mean(dim=1).tolist()
        for kind, answer in ANSWERS.items()
    }


def _adapt(learner: Learner, setting: Setting, support: TaskBatch, order: Tensor) -> Parameters:
    architecture, theta = learner.architecture, learner.initialization
    parameters, moments = architecture.start(theta, support)
    rates = torch.full((len(order),), setting.learning_rate, device=learner.device)
    batches = ((support.take(order[:, step]), rates) for step in range(setting.steps))
    inner_loop(architecture.gradient(learner.device), parameters, moments, batches, architecture.optimizer, theta.count)
    return parameters


@torch.no_grad()
def _with_support(learner: Learner, parameters: Parameters, support: TaskBatch, queries: Tensor) -> Tensor:
    """Classify each query by a forward pass of the support set and it alone: [T, Q, N]."""
    answers = []
    for query in torch.split(queries, 1, dim=1):
        features, _ = learner.architecture.network(parameters, torch.cat([support.x, query], dim=1))
        answers.append(logits(parameters, features[:, -1:]))
    return torch.cat(answers, dim=1)


@torch.no_grad()
def _transductive(learner: Learner, parameters: Parameters, _: TaskBatch, queries: Tensor) -> Tensor:
    return logits(parameters, learner.architecture.network(parameters, queries)[0])


@torch.no_grad()
def _frozen(learner: Learner, parameters: Parameters, support: TaskBatch, queries: Tensor) -> Tensor:
    statistics = learner.architecture.network(parameters, support.x)[1]
    return logits(parameters, learner.architecture.network(parameters, queries, frozen=statistics)[0])


ANSWERS = {
    BatchNorm.WITH_SUPPORT: _with_support,
    BatchNorm.TRANSDUCTIVE: _transductive,
    BatchNorm.FROZEN: _frozen,
}
