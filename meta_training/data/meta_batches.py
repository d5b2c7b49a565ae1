"""The tasks of one meta step, drawn so that a task depends on the seed, the step and its own index alone."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor

from meta_training.config import TrainConfig
from meta_training.data.episodes import draw_episode, draw_minibatches, flatten, generator
from meta_training.data.image_classes import ImageClasses
from models.tasks import Support, TaskBatch, collate


@dataclass(frozen=True)
class TrainingTask:
    """One task: the support set its head is built from, and its mini-batches [k, B, ...] with labels [k, B]."""

    support: Support
    images: Tensor
    labels: Tensor


def draw_task(config: TrainConfig, classes: ImageClasses, step: int, index: int) -> TrainingTask:
    """Task `index` of meta step `step`."""
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
    """Which images [k, B] of a task's ways × shots its mini-batches take, the last from the tail if there is one."""
    batch, steps, tail = config.inner_batch, config.inner_steps, config.tail_shots
    if tail == 0:
        return draw_minibatches(rng, ways * config.shots, batch, steps)
    numbers = np.arange(ways * config.shots).reshape(ways, config.shots)
    early, late = numbers[:, :-tail].flatten(), numbers[:, -tail:].flatten()
    first = early[draw_minibatches(rng, len(early), batch, steps - 1)]
    last = late[draw_minibatches(rng, len(late), batch, 1)]
    return np.concatenate([first, last])


@dataclass(frozen=True)
class MetaBatch:
    """The T tasks of a meta step: for each inner step images [k, T, B, ...], labels [k, T, B] and rates [k, T]."""

    support: TaskBatch
    images: Tensor
    labels: Tensor
    rates: Tensor

    def to(self, device: torch.device) -> "MetaBatch":
        """The same on another device."""
        support = TaskBatch(*(tensor.to(device) for tensor in (self.support.x, self.support.labels, self.support.ways)))
        return MetaBatch(support, self.images.to(device), self.labels.to(device), self.rates.to(device))

    def minibatches(self) -> Iterator[tuple[TaskBatch, Tensor]]:
        """One batch [T, B, ...] for each inner step, with the learning rates [T]."""
        for images, labels, rates in zip(self.images, self.labels, self.rates, strict=True):
            yield TaskBatch(images, labels, self.support.ways), rates


def draw_meta_batch(config: TrainConfig, classes: ImageClasses, step: int, indices: Iterable[int]) -> MetaBatch:
    """The tasks of meta step `step` with these indices."""
    tasks = [draw_task(config, classes, step, index) for index in indices]
    rates = [config.learning_rate * config.inner.share(step, config.inner_steps) for step in range(config.inner_steps)]
    return MetaBatch(
        support=collate([task.support for task in tasks]),
        images=torch.stack([task.images for task in tasks], dim=1),
        labels=torch.stack([task.labels for task in tasks], dim=1),
        rates=torch.tensor(rates).unsqueeze(1).expand(-1, len(tasks)),
    )
