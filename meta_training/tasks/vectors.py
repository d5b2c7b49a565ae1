"""Meta-training on tables of one's own: `kshot train --preset vectors --data TASKS/`.

A task is a table (`tables.py`). Reptile draws mini-batches of each; the checkpoint is then scored on tasks that were
held out, each adapted to SHOTS of its examples (of a class, where there are labels) and asked about the others, beside
the same network before meta-training.
"""

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

from meta_training.data.episodes import draw_minibatches, generator
from meta_training.data.meta_batches import MetaBatch
from meta_training.errors import DataError, RunError
from meta_training.reptile import annealed, reptile
from meta_training.run_folder import make_folder
from meta_training.tasks.results import provenance, write_card
from meta_training.tasks.tables import VectorTask
from models.architecture import Architecture, MetaInitialization
from models.checkpoint import Checkpoint, save_checkpoint
from models.heads.prototype import PrototypeHead
from models.heads.regression import RegressionHead
from models.inputs.vector import VectorInput
from models.learner import Learner
from models.metadata import CheckpointMetadata, InnerSpec
from models.networks.mlp import MLP
from models.tasks import Support, collate

PLAIN, TRAINED = "not meta-trained", "meta-trained by Reptile"
SCORED = (1, 5, 10, 20)  # shots
DRAWS = 20  # of a support set, for each held-out task
TEST = 1  # marks the streams of test episodes
INNER = InnerSpec(steps=10, learning_rate=1e-3)
FLAT = 1e-6  # standard deviation of a number that says nothing


@dataclass(frozen=True, kw_only=True)
class VectorConfig:
    """A run on tables; two runs of one configuration on the same tasks give the same weights."""

    name: str = "vectors"
    hidden: tuple[int, ...] = (128, 128)
    inner: InnerSpec = INNER
    inner_steps: int = 8
    batch: int = 25
    shots: int = 5
    """Examples of a class that a head is made of at the start of a training task."""
    meta_steps: int = 2000
    meta_batch: int = 5
    epsilon: float = 1.0
    seed: int = 0

    def metadata(self, tasks: Sequence[VectorTask]) -> CheckpointMetadata:
        """Return what a checkpoint for such tasks says of itself: their numbers' means and deviations among it."""
        x, targets = (torch.cat([getattr(task, field) for task in tasks]) for field in ("x", "targets"))
        mean, scale = _spread(x)
        ways = tasks[0].ways
        middle, spread = ((), ()) if ways else _spread(targets)
        size = x.shape[1]
        return CheckpointMetadata(
            name=self.name,
            created_at="",
            input=VectorInput(size=size, mean=mean, scale=scale),
            network=MLP(size=size, hidden=self.hidden, activation="relu"),
            head=PrototypeHead() if ways else RegressionHead(outputs=targets.shape[1], mean=middle, scale=spread),
            inner=self.inner,
        )


def _spread(values: Tensor) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return the mean and the standard deviation of each number; 1 where it is always the same."""
    deviations = values.std(dim=0)
    return tuple(values.mean(dim=0).tolist()), tuple(deviations.where(deviations > FLAT, 1).tolist())


@dataclass(frozen=True)
class VectorTasks:
    """Mini-batches of tasks, drawn evenly among them (`TaskDistribution`)."""

    config: VectorConfig
    tasks: Sequence[VectorTask]
    """Their x as the network takes it."""
    architecture: Architecture

    @property
    def meta_batch(self) -> int:
        """Tasks of a meta step."""
        return self.config.meta_batch

    def sample(self, step: int, indices: range) -> MetaBatch:
        """Draw the tasks with these indices of a meta step."""
        config, supports, drawn = self.config, [], []
        for index in indices:
            rng = generator(config.seed, step, index)
            task = self.tasks[int(rng.integers(len(self.tasks)))]
            order = draw_minibatches(rng, len(task.x), config.batch, config.inner_steps)
            first = _draw(task, torch.from_numpy(rng.permutation(len(task.x))), config.shots)
            supports.append(_support(task, first, config.inner))
            drawn.append([_support(task, torch.from_numpy(places), config.inner) for places in order])
        rates = torch.full((len(indices),), config.inner.learning_rate)
        batches = [replace(collate(step), by_class=False) for step in zip(*drawn, strict=True)]
        return MetaBatch(self.architecture, collate(supports), [(batch, rates) for batch in batches])


def _draw(task: VectorTask, order: Tensor, shots: int) -> Tensor:
    """Return the places of the first `shots` examples in an order, of each class where there are classes."""
    if not task.ways:
        return order[:shots]
    labels = task.labels[order]
    return torch.cat([order[labels == label][:shots] for label in range(task.ways)])


def _support(task: VectorTask, places: Tensor, inner: InnerSpec) -> Support:
    targets = None if task.ways else task.targets[places]
    ways = task.ways or task.targets.shape[1]
    return Support(task.x[places], task.labels[places], ways, inner.steps, inner.learning_rate, targets=targets)


def train(config: VectorConfig, metadata: CheckpointMetadata, tasks: Sequence[VectorTask]) -> MetaInitialization:
    """Meta-train by Reptile. Raises DataError for a task that is smaller than a mini-batch."""
    for task in tasks:
        if len(task.x) < config.batch:
            raise DataError(f"{task.name} has {len(task.x)} examples; a task needs {config.batch} at least.")
    architecture = metadata.build()
    prepared = [replace(task, x=metadata.input.normalize(task.x)) for task in tasks]
    theta, distribution = architecture.initialize(config.seed), VectorTasks(config, prepared, architecture)
    for step in tqdm(range(config.meta_steps), desc=config.name, unit="step"):
        theta, _ = reptile(theta, distribution, step, annealed(step, config.meta_steps, config.epsilon))
    return theta


def score(
    checkpoint: Checkpoint, tasks: Sequence[VectorTask], seed: int, shots: Sequence[int] = SCORED
) -> dict[int, tuple[float, float]]:
    """Return, by shots, the share of others that are right, or the share of the targets' variance that is left.

    With half the width of its 95 % interval over tasks and draws. Shots that leave a task nothing to ask are left out.
    """
    learner, found = Learner(checkpoint, torch.device("cpu")), {}
    targets = torch.cat([task.targets for task in tasks])
    variance = (targets - targets.mean(dim=0)).square().mean(dim=0).clamp_min(FLAT**2)
    for count in shots:
        values = torch.tensor([each for task in tasks for each in _draws(learner, task, seed, count, variance)])
        if len(values):
            found[count] = float(values.mean()), 1.96 * float(values.std()) / math.sqrt(len(values))
    return found


def _draws(learner: Learner, task: VectorTask, seed: int, shots: int, variance: Tensor) -> Iterator[float]:
    """Yield what comes of each draw of a support set."""
    inner = learner.checkpoint.metadata.inner
    encoded = replace(task, x=learner.encode(task.x))
    for draw in range(DRAWS):
        order = torch.from_numpy(generator(seed, TEST, draw).permutation(len(task.x)))
        known = _draw(task, order, shots)
        asked = order[~torch.isin(order, known)]
        if len(asked) == 0 or len(known) < shots * max(1, task.ways):
            return
        (made,) = learner.adapt([_support(encoded, known, inner)])
        (said,) = learner.predict([made.adapted], [encoded.x[asked]])
        if task.ways:
            yield float((said.probabilities.argmax(dim=1) == task.labels[asked]).float().mean())
        else:
            yield float(((said.probabilities - task.targets[asked]).square() / variance).mean())


def run(
    config: VectorConfig, training: Sequence[VectorTask], test: Sequence[VectorTask], out: Path, source: str
) -> dict[str, dict[int, tuple[float, float]]]:
    """Meta-train, write the checkpoint and its card to a folder, and return the scores of both learners by shots.

    Raises RunError where the folder cannot be made or holds a checkpoint already, and DataError as `train`.
    """
    make_folder(out)
    path = out / f"{config.name}.safetensors"
    if path.exists():
        raise RunError(f"{path} is there already: name another folder by --out.")
    begun, about = time.monotonic(), config.metadata(training)
    data = {"source": source, "test_tasks": [task.name for task in test]}
    about = about.model_copy(update={**provenance(), "data": data})
    theta = train(config, about, training)
    checkpoint = save_checkpoint(path, about, theta)
    plain = replace(checkpoint, initialization=about.build().initialize(config.seed))
    found = {name: score(each, test, config.seed) for name, each in ((PLAIN, plain), (TRAINED, checkpoint))}
    settings = {"seed": config.seed, "meta_steps": config.meta_steps, "meta_batch": config.meta_batch}
    write_card(out, checkpoint, settings, time.monotonic() - begun, found)
    return found
