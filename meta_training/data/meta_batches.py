"""The tasks of one meta step. A task depends on the seed, the meta step and its own index alone."""

from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor

from meta_training.config import TrainConfig
from meta_training.data.episodes import draw_episode, draw_minibatches, flatten, generator
from meta_training.data.image_classes import ImageClasses
from models.architecture import Architecture, MetaInitialization, shared_moments
from models.inner_loop import Gradient
from models.optimizers import Optimizer
from models.parameters import Parameters
from models.tasks import Support, TaskBatch, collate

Batch = TypeVar("Batch")


@dataclass(frozen=True)
class TrainingTask:
    """One task: the support set its head is built from, and its mini-batches [k, B, ...] with labels [k, B]."""

    support: Support
    images: Tensor
    labels: Tensor


def draw_task(config: TrainConfig, classes: ImageClasses, step: int, index: int) -> TrainingTask:
    """Draw task `index` of meta step `step`."""
    rng = generator(config.seed, step, index)
    ways = int(rng.integers(config.ways[0], config.ways[1], endpoint=True))
    episode = draw_episode(rng, classes, ways, config.shots)
    images, labels = flatten(episode.support)
    order = torch.from_numpy(_draw_order(rng, config, ways))
    head_shots = int(rng.integers(1, config.head_shots, endpoint=True))
    head_images, head_labels = flatten(episode.support[:, :head_shots])
    return TrainingTask(
        support=Support(config.features(head_images), head_labels, ways, config.inner_steps, config.learning_rate),
        images=config.features(images[order]),
        labels=labels[order],
    )


def _draw_order(rng: Generator, config: TrainConfig, ways: int) -> NDArray[np.int64]:
    """Draw which of a task's ways × shots images its mini-batches take [k, B]; the last takes the tail, if any."""
    batch, steps, tail = config.inner_batch, config.inner_steps, config.tail_shots
    if tail == 0:
        return draw_minibatches(rng, ways * config.shots, batch, steps)
    numbers = np.arange(ways * config.shots).reshape(ways, config.shots)
    early, late = numbers[:, :-tail].flatten(), numbers[:, -tail:].flatten()
    first = early[draw_minibatches(rng, len(early), batch, steps - 1)]
    last = late[draw_minibatches(rng, len(late), batch, 1)]
    return np.concatenate([first, last])


@dataclass(frozen=True)
class LearnerTasks(Generic[Batch]):
    """T tasks of a meta step and the learner that adapts to them: `Tasks`, but for the gradient."""

    architecture: Architecture
    support: TaskBatch
    """The examples that heads are built from before the first inner step."""
    minibatches: list[tuple[Batch, Tensor]]
    """For each inner step the images of every task, and learning rates [T]."""

    @property
    def optimizer(self) -> Optimizer:
        """The inner optimizer."""
        return self.architecture.optimizer

    def start(self, theta: MetaInitialization) -> tuple[Parameters, Parameters]:
        """Return each task's own copy of theta and v, with a head for its classes."""
        return self.architecture.start(theta, self.support)

    def carried(self, theta: MetaInitialization, v: Parameters) -> Parameters:
        """Return the rows of v whose mean is carried on: of a head that is built for each task, one for each class."""
        return shared_moments(theta.moments, v, self.support.ways)


class MetaBatch(LearnerTasks[TaskBatch]):
    """Tasks with mini-batches of images [T, B, ...] and labels [T, B]."""

    def gradient(self) -> Gradient[TaskBatch]:
        """Return the architecture's gradient on the device of the tasks."""
        return self.architecture.gradient(self.support.x.device)


@dataclass(frozen=True)
class EpisodeDistribution:
    """Tasks drawn from the classes of a data set, as a configuration says (`TaskDistribution`)."""

    config: TrainConfig
    classes: ImageClasses
    architecture: Architecture
    device: torch.device

    @property
    def meta_batch(self) -> int:
        """Tasks of a meta step, on all processes together."""
        return self.config.meta_batch

    def sample(self, step: int, indices: range) -> MetaBatch:
        """Draw the tasks of meta step `step` with these indices."""
        tasks = [draw_task(self.config, self.classes, step, index) for index in indices]
        support = collate([task.support for task in tasks]).to(self.device)
        images = torch.stack([task.images for task in tasks], dim=1).to(self.device)
        labels = torch.stack([task.labels for task in tasks], dim=1).to(self.device)
        minibatches = [
            (TaskBatch(x, y, support.ways), rates.expand(len(tasks)))
            for x, y, rates in zip(images, labels, self.config.rates().to(self.device), strict=True)
        ]
        return MetaBatch(self.architecture, support, minibatches)
