"""The paper's sine-wave regression (Nichol et al. 2018, section 5.1), to see what Reptile does in ten seconds.

    kshot train --preset sine        # writes runs/sine/sine.safetensors with its card, sine.json, and sine.png

A task is a wave a·sin(x + b). A network with two hidden layers sees ten points of it and has 32 steps of SGD to learn
the whole wave. The mean of all waves is 0 everywhere, so a start is only good if it learns quickly from there. The
checkpoint ships: POST /adapt takes the points of a wave, POST /predict answers what is between them.
"""

import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor
from tqdm import tqdm

from meta_training.data.episodes import draw_minibatches, generator
from meta_training.data.meta_batches import MetaBatch
from meta_training.errors import RunError
from meta_training.reptile import annealed, reptile
from meta_training.run_folder import make_folder
from meta_training.tasks.results import provenance, write_card
from models.architecture import MetaInitialization
from models.checkpoint import save_checkpoint
from models.heads.linear import logits
from models.heads.regression import RegressionHead
from models.inner_loop import inner_loop
from models.inputs.vector import VectorInput
from models.metadata import CheckpointMetadata, InnerSpec
from models.networks.mlp import MLP
from models.parameters import Parameters, stack
from models.tasks import TaskBatch

NAME, TRAINED = "sine", "meta-trained by Reptile"
HIDDEN = 64
POINTS = torch.linspace(-5, 5, 50)
SHOWN = (0, 1, 5, 10, 32)  # steps after which the picture shows the network
META_STEPS, META_BATCH, EPSILON = 3000, 10, 0.5
BATCH, RATE, SHOTS, TEST_TASKS = 10, 0.02, 10, 200
TEST = 1  # marks the streams of test tasks


@dataclass(frozen=True)
class Waves:
    """T tasks: x and y [T, P]."""

    x: Tensor
    y: Tensor

    def take(self, indices: Tensor) -> "Waves":
        """Return the points at `indices` [T, B] of each wave."""
        return Waves(self.x.gather(1, indices), self.y.gather(1, indices))

    def batch(self) -> TaskBatch:
        """Return them as a learner takes them."""
        tasks, points = self.x.shape
        labels, ways = torch.zeros(tasks, points, dtype=torch.long), torch.ones(tasks, dtype=torch.long)
        return TaskBatch(self.x.unsqueeze(2), labels, ways, targets=self.y.unsqueeze(2))


def metadata(**about: Any) -> CheckpointMetadata:
    """Return what the checkpoint says of itself: a network 1 → 64 → 64 → 1, 32 steps of SGD."""
    return CheckpointMetadata(
        **{"name": NAME, "created_at": "", **about},
        input=VectorInput(size=1),
        network=MLP(size=1, hidden=(HIDDEN, HIDDEN)),
        head=RegressionHead(outputs=1),
        inner=InnerSpec(optimizer="sgd", steps=max(SHOWN), learning_rate=RATE),
    )


ARCHITECTURE = metadata().build()


def initialize(seed: int) -> MetaInitialization:
    """Return fresh weights."""
    return ARCHITECTURE.initialize(seed)


def predict(parameters: Parameters, x: Tensor) -> Tensor:
    """Return the values [T, P] of stacked networks at points x [T, P]."""
    features, _ = ARCHITECTURE.network(parameters, x.unsqueeze(2))
    return logits(parameters, features).squeeze(2)


def draw_waves(rng: np.random.Generator, tasks: int) -> Waves:
    """Draw waves with amplitudes from 0.1 to 5 and any phase, at all POINTS."""
    amplitude, phase = (
        torch.from_numpy(rng.uniform(low, high, (tasks, 1))) for low, high in ((0.1, 5), (0, 2 * np.pi))
    )
    x = POINTS.expand(tasks, -1)
    return Waves(x, (amplitude * torch.sin(x + phase)).float())


@dataclass(frozen=True)
class SineWaves:
    """Random waves, each with one pass over its points in mini-batches (`TaskDistribution`)."""

    seed: int
    meta_batch: int = META_BATCH

    def sample(self, step: int, indices: range) -> MetaBatch:
        """Draw the waves with these indices of a meta step."""
        rng, steps = generator(self.seed, step), len(POINTS) // BATCH
        waves = draw_waves(rng, self.meta_batch)
        order = np.stack([draw_minibatches(rng, len(POINTS), BATCH, steps) for _ in range(self.meta_batch)])
        own = torch.tensor(indices)
        passes = torch.from_numpy(order)[own].unbind(dim=1)
        rates = torch.full((len(own),), RATE)
        minibatches = [Waves(waves.x[own], waves.y[own]).take(points).batch() for points in passes]
        return MetaBatch(ARCHITECTURE, minibatches[0], [(batch, rates) for batch in minibatches])


def train(seed: int, meta_steps: int = META_STEPS) -> MetaInitialization:
    """Meta-train by Reptile."""
    theta, waves = initialize(seed), SineWaves(seed)
    for step in tqdm(range(meta_steps), desc="sine", unit="step"):
        theta, _ = reptile(theta, waves, step, annealed(step, meta_steps, EPSILON))
    return theta


def adapt_to_points(theta: MetaInitialization, support: Waves) -> dict[int, Parameters]:
    """Return the stacked networks after each number of SHOWN steps on all the support points."""
    phi, v = ARCHITECTURE.start(theta, support.batch())
    gradient = ARCHITECTURE.gradient(support.x.device)
    rates = torch.full((len(support.x),), RATE)
    shown = {0: stack(theta.parameters, len(support.x))}
    for step in range(1, max(SHOWN) + 1):
        inner_loop(gradient, phi, v, [(support.batch(), rates)], ARCHITECTURE.optimizer)
        if step in SHOWN:
            shown[step] = {name: tensor.clone() for name, tensor in phi.items()}
    return shown


def errors(theta: MetaInitialization, seed: int, tasks: int = TEST_TASKS) -> dict[int, tuple[float, float]]:
    """Return, by number of steps, the mean squared error on new waves and half the width of its 95 % interval."""
    waves, support = test_tasks(seed, tasks)
    found = {}
    for steps, phi in adapt_to_points(theta, support).items():
        values = ARCHITECTURE.loss(phi, waves.batch())
        found[steps] = float(values.mean()), 1.96 * float(values.std()) / math.sqrt(tasks)
    return found


def test_tasks(seed: int, tasks: int) -> tuple[Waves, Waves]:
    """Draw whole waves, and the SHOTS points of each that are shown."""
    rng = generator(seed, META_STEPS, TEST)
    waves = draw_waves(rng, tasks)
    picks = np.stack([rng.choice(len(POINTS), SHOTS, replace=False) for _ in range(tasks)])
    return waves, waves.take(torch.from_numpy(picks))


def draw(learners: dict[str, MetaInitialization], seed: int) -> Figure:
    """Draw for each learner one wave, its points, and the network's curve after 0, 1, 5, 10 and 32 steps."""
    waves, support = test_tasks(seed, 1)
    figure = Figure(figsize=(11, 4), layout="constrained")
    for axes, (name, theta) in zip(figure.subplots(1, len(learners), sharey=True), learners.items(), strict=True):
        axes.plot(waves.x[0], waves.y[0], color="black", linewidth=2, label="the wave")
        axes.scatter(support.x[0], support.y[0], color="black", zorder=3, label=f"{SHOTS} points of it")
        for shade, (steps, phi) in enumerate(adapt_to_points(theta, support).items()):
            colour = (0.1, 0.4, 0.8, 0.25 + 0.75 * shade / (len(SHOWN) - 1))
            axes.plot(waves.x[0], predict(phi, waves.x)[0], color=colour, label=f"after {steps} steps")
        axes.set_title(name)
        axes.grid(alpha=0.3)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside right center", fontsize=8)
    return figure


def run(out: Path, seed: int = 0, meta_steps: int = META_STEPS) -> dict[str, Any]:
    """Meta-train, write the checkpoint, its card and `sine.png` to a folder, and return the errors of both learners.

    Raises RunError where the folder cannot be made, or holds these files already.
    """
    make_folder(out)
    if (out / "sine.json").exists():
        raise RunError(f"{out} holds sine waves already: name another folder by --out.")
    begun = time.monotonic()
    learners = {"not meta-trained": initialize(seed), TRAINED: train(seed, meta_steps)}
    draw(learners, seed).savefig(out / "sine.png", dpi=110)
    found = {name: errors(theta, seed) for name, theta in learners.items()}
    about = metadata(**provenance(), data={"source": "waves a·sin(x + b), a from 0.1 to 5"})
    checkpoint = save_checkpoint(out / f"{NAME}.safetensors", about, learners[TRAINED])
    write_card(out, checkpoint, {"seed": seed, "meta_steps": meta_steps}, time.monotonic() - begun, found)
    return found
