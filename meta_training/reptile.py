"""Reptile and first-order MAML (Nichol, Achiam and Schulman 2018, arXiv 1803.02999), for any learner and any tasks.

θ is the meta-initialization, φ_i what it becomes after k inner steps on task i, v the inner optimizer's second moment,
which is carried from task to task, and ε the size of the meta step. Stacked tensors have the tasks first: φ is
[T, ...]. On several processes each runs the same lines on its share of the tasks, and `ranks.mean` is over all of them.
"""

from collections.abc import Sequence
from typing import Protocol, TypeVar

import torch
from torch import Tensor

from meta_training.ranks import ALONE, Ranks
from models.architecture import MetaInitialization
from models.inner_loop import Gradient, inner_loop
from models.optimizers import Optimizer
from models.parameters import Parameters

Batch = TypeVar("Batch")


class Tasks(Protocol[Batch]):
    """T tasks and the learner that adapts to them."""

    @property
    def minibatches(self) -> Sequence[tuple[Batch, Tensor]]:
        """For each of k inner steps a batch of every task, and the tasks' learning rates [T]."""

    @property
    def optimizer(self) -> Optimizer:
        """The inner optimizer."""

    def gradient(self) -> Gradient[Batch]:
        """Return the gradient of the tasks' losses, for one inner loop."""

    def start(self, theta: MetaInitialization) -> tuple[Parameters, Parameters]:
        """Return each task's own copy of θ and of v, stacked; a head that is built for each task comes with them."""

    def carried(self, theta: MetaInitialization, v: Parameters) -> Parameters:
        """Return the rows [R, ...] of stacked v whose mean is carried on, in the shapes of θ's own."""


class TaskDistribution(Protocol[Batch]):
    """Where tasks come from."""

    @property
    def meta_batch(self) -> int:
        """Tasks of a meta step, on all processes together."""

    def sample(self, step: int, indices: range) -> Tasks[Batch]:
        """Draw the tasks with these indices, from 0 to meta_batch − 1, of a meta step."""


def reptile(
    theta: MetaInitialization, distribution: TaskDistribution[Batch], step: int, epsilon: float, ranks: Ranks = ALONE
) -> tuple[MetaInitialization, Tensor]:
    """θ ← θ + ε · mean_i(φ_i − θ), algorithm 2. Return θ and the tasks' mean loss before each inner step [k]."""
    tasks = distribution.sample(step, ranks.share(distribution.meta_batch))
    phi, v = tasks.start(theta)
    losses = inner_loop(tasks.gradient(), phi, v, tasks.minibatches, tasks.optimizer, theta.count)
    change = {name: phi[name] - start for name, start in theta.parameters.items()}
    return _moved(theta, change, tasks.carried(theta, v), losses, epsilon, ranks)


def fomaml(
    theta: MetaInitialization, distribution: TaskDistribution[Batch], step: int, epsilon: float, ranks: Ranks = ALONE
) -> tuple[MetaInitialization, Tensor]:
    """θ ← θ + ε · mean_i(φ_i − φ_i before the last inner step), section 3. Return as `reptile` does."""
    tasks = distribution.sample(step, ranks.share(distribution.meta_batch))
    phi, v = tasks.start(theta)
    gradient, *early, last = tasks.gradient(), *tasks.minibatches
    losses = inner_loop(gradient, phi, v, early, tasks.optimizer, theta.count)
    before = {name: phi[name].clone() for name in theta.parameters}
    losses += inner_loop(gradient, phi, v, [last], tasks.optimizer, theta.count + len(early))
    change = {name: phi[name] - start for name, start in before.items()}
    return _moved(theta, change, tasks.carried(theta, v), losses, epsilon, ranks)


def _moved(
    theta: MetaInitialization, change: Parameters, v: Parameters, losses: list[Tensor], epsilon: float, ranks: Ranks
) -> tuple[MetaInitialization, Tensor]:
    """θ + ε · mean(change), with the mean of v. Means are in double precision: no order of summing shows in single."""
    direction, moments = ranks.mean(change), ranks.mean(v)
    moved = MetaInitialization(
        parameters={name: (old + epsilon * direction[name]).to(old.dtype) for name, old in theta.parameters.items()},
        moments={name: moments[name].to(old.dtype) for name, old in theta.moments.items()},
        count=theta.count + len(losses),
    )
    return moved, ranks.mean({"losses": torch.stack(losses, dim=1)})["losses"]


def annealed(step: int, total: int, start: float = 1.0) -> float:
    """Return the size ε of meta step `step`: from `start` linearly to 0 over `total` steps (section 6)."""
    return start * (1 - step / total)


ALGORITHMS = {"reptile": reptile, "fomaml": fomaml}
"""By the name that a run's configuration gives: a new meta-algorithm is a function as these, and a line here."""
