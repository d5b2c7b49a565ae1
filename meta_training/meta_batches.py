"""The tasks of one meta step, drawn so that a task depends on the seed, the step and its own index alone."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from meta_training.config import TrainConfig
from meta_training.datasets import ImageClasses
from meta_training.episodes import draw_episode, draw_minibatches, flatten, generator
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
    order = torch.from_numpy(draw_minibatches(rng, len(images), config.inner_batch, config.inner_steps))
    head_shots = int(rng.integers(1, config.head_shots, endpoint=True))
    head_images, head_labels = flatten(episode.support[:, :head_shots])
    normalize = config.input.normalize
    return TrainingTask(
        support=Support(normalize(head_images), head_labels, ways, config.inner_steps, config.learning_rate),
        images=normalize(images[order.flatten()]).view(*order.shape, *config.input.shape),
        labels=labels[order],
    )


@dataclass(frozen=True)
class MetaBatch:
    """The T tasks of a meta step."""

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
        for images, labels in zip(self.images, self.labels, strict=True):
            yield TaskBatch(images, labels, self.support.ways), self.rates


def draw_meta_batch(config: TrainConfig, classes: ImageClasses, step: int) -> MetaBatch:
    """All tasks of meta step `step`."""
    tasks = [draw_task(config, classes, step, index) for index in range(config.meta_batch)]
    return MetaBatch(
        support=collate([task.support for task in tasks]),
        images=torch.stack([task.images for task in tasks], dim=1),
        labels=torch.stack([task.labels for task in tasks], dim=1),
        rates=torch.full((config.meta_batch,), config.learning_rate),
    )
