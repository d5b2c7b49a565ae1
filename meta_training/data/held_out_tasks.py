"""Tasks whose loss is on other images than the head is made of, all drawn anew for each inner step.

Of a network that knows the head's images well a loss on them teaches nothing more: it is nearly 0 from the start.
A task depends on the seed, the meta step and its own index alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor

from meta_training.config import TrainConfig
from meta_training.data.episodes import draw_episode, flatten, generator
from meta_training.data.image_classes import ImageClasses
from meta_training.data.meta_batches import LearnerTasks
from models.architecture import Architecture
from models.inner_loop import Gradient, by_autograd
from models.tasks import PADDING, HeldOutBatch, TaskBatch, pad_stack

Drawn = tuple[Tensor, Tensor]
"""Images [B, ...] and labels [B]."""


class HeldOutTasks(LearnerTasks[HeldOutBatch]):
    """Tasks whose heads and losses have images of their own in each inner step."""

    def gradient(self) -> Gradient[HeldOutBatch]:
        """Return the gradient of the loss on the images that heads are not made of."""
        return by_autograd(self.architecture.held_out_loss)


@dataclass(frozen=True)
class HeldOutDistribution:
    """Such tasks, each of the classes of one domain (`TaskDistribution`)."""

    config: TrainConfig
    domains: Sequence[ImageClasses]
    architecture: Architecture
    device: torch.device

    @property
    def meta_batch(self) -> int:
        """Tasks of a meta step, on all processes together."""
        return self.config.meta_batch

    def sample(self, step: int, indices: range) -> HeldOutTasks:
        """Draw the tasks of meta step `step` with these indices; all have as many images a class, which saves padding.

        N is the same for all too, but in a domain of fewer classes.
        """
        config, rng = self.config, generator(self.config.seed, step)
        ways = int(rng.integers(config.ways[0], config.ways[1], endpoint=True))
        head_shots = int(rng.integers(1, config.head_shots, endpoint=True))
        tasks = [self._draw(step, index, ways, head_shots) for index in indices]
        minibatches = [
            (self._batch([task[number] for task in tasks]), rate.expand(len(tasks)))
            for number, rate in enumerate(config.rates().to(self.device))
        ]
        return HeldOutTasks(self.architecture, minibatches[0][0].support, minibatches)

    def _draw(self, step: int, index: int, ways: int, head_shots: int) -> list[tuple[Drawn, Drawn]]:
        """Draw one task: for each inner step the head's images and the loss's."""
        rng = generator(self.config.seed, step, index)
        number = int(rng.integers(len(self.domains)))
        domain = self.domains[number]
        places = self._candidates(rng, number)
        ways = min(ways, len(places))
        chosen = rng.choice(places, ways, replace=False)
        classes, drawn = domain.subset(domain.names[place] for place in chosen), []
        for _ in range(self.config.inner_steps):
            episode = draw_episode(rng, classes, ways, head_shots, self.config.loss_shots)
            drawn.append((flatten(episode.support), flatten(episode.query)))
        return drawn

    def _candidates(self, rng: Generator, domain: int) -> NDArray[np.int64]:
        """Return the places of the domain's classes that a task's are drawn from."""
        classes = len(self.domains[domain])
        if not self.config.neighbours:
            return np.arange(classes)
        around: NDArray[np.int64] = self._nearest[domain][rng.integers(classes)]
        return around

    @cached_property
    def _nearest(self) -> list[NDArray[np.int64]]:
        """Of each domain and class the places of the nearest classes, itself first."""
        return [nearest(domain, self.config.neighbours) for domain in self.domains]

    def _batch(self, drawn: Sequence[tuple[Drawn, Drawn]]) -> HeldOutBatch:
        support, query = (self._collate(part) for part in zip(*drawn, strict=True))
        return HeldOutBatch(support, query)

    def _collate(self, drawn: Sequence[Drawn]) -> TaskBatch:
        images, labels = zip(*drawn, strict=True)
        return TaskBatch(
            x=pad_stack([self.config.features(each) for each in images]),
            labels=pad_stack(labels, PADDING),
            ways=torch.tensor([int(each.max()) + 1 for each in labels]),
        ).to(self.device)


def nearest(classes: ImageClasses, count: int) -> NDArray[np.int64]:
    """Return the places of the `count` classes that are nearest to each, itself first, by their means' cosines."""
    flat = [examples.reshape(len(examples), -1) for examples in classes.images]
    means = np.stack([examples.mean(axis=0, dtype=np.float32) for examples in flat])
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    order: NDArray[np.int64] = (-means @ means.T).argsort(axis=1, kind="stable")
    return order[:, :count]
