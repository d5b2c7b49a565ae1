"""How well models of a robot's dynamics adapt to robots that training never saw, and what that is worth in planning.

    python -m benchmarks.dynamics                    # trains all, 20 unseen robots; a table for docs/dynamics.md
    python -m benchmarks.dynamics --variants 4 --scale 0.05      # to see that it runs

All learners have one network, the same transitions of the same 60 robots, as many gradients, and the same fine-tuning:
10 steps on the last 32 transitions, at the rate that does best on 10 validation robots. Errors are the mean squared
error of the state, in standard deviations of its change, 1 and 10 steps ahead; intervals are over robots.
"""

import math
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from torch import Tensor

from benchmarks.machine import describe_machine
from meta_training.tasks import dynamics, vectors
from meta_training.tasks.tables import VectorTask
from models.architecture import MetaInitialization
from models.checkpoint import save_checkpoint
from models.heads.linear import logits
from models.inner_loop import inner_loop
from models.metadata import CheckpointMetadata
from models.parameters import Parameters
from models.tasks import TaskBatch

SHOWN, AHEAD, WINDOWS, ASKED, STARTS = 32, 10, 5, 150, 15
RATES = (3e-4, 1e-3, 3e-3)
STEPS = 10
ORACLE_STEPS, ORACLE_TRANSITIONS = 1500, 1500


def train_global(about: CheckpointMetadata, tasks: list[VectorTask], gradients: int) -> MetaInitialization:
    """Return a network that Adam trained on mini-batches of all robots together, and v as a carried one would be."""
    architecture = about.build()
    theta = {name: each.requires_grad_() for name, each in architecture.initialize(0).parameters.items()}
    optimizer = torch.optim.Adam(theta.values(), 1e-3)
    x, y = about.input.normalize(torch.cat([each.x for each in tasks])), torch.cat([each.targets for each in tasks])
    draws = torch.Generator().manual_seed(0)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.01, gradients)
    for _ in range(gradients):
        places = torch.randint(len(x), (256,), generator=draws)
        optimizer.zero_grad()
        architecture.loss({n: each[None] for n, each in theta.items()}, batch_of(x[places], y[places])).sum().backward()
        optimizer.step()
        schedule.step()
    parameters = {name: each.detach() for name, each in theta.items()}
    moments = dict.fromkeys(parameters, torch.zeros(()))
    gradient = architecture.gradient(torch.device("cpu"))
    for number in range(200):
        task = tasks[number % len(tasks)]
        places = torch.randint(len(task.x), (dynamics.CONFIG.batch,), generator=draws)
        _, found = gradient(
            {n: each[None] for n, each in parameters.items()},
            batch_of(about.input.normalize(task.x[places]), task.targets[places]),
        )
        moments = {name: moments[name] + each[0].square().contiguous() / 200 for name, each in found.items()}
    return MetaInitialization(parameters, {n: each.contiguous() for n, each in moments.items()}, 10_000)


def batch_of(x: Tensor, y: Tensor) -> TaskBatch:
    return TaskBatch(x[None], torch.zeros(1, len(x), dtype=torch.long), torch.tensor([y.shape[1]]), targets=y[None])


def adapted(
    about: CheckpointMetadata, theta: MetaInitialization, x: Tensor, y: Tensor, steps: int, rate: float
) -> Parameters:
    """Return the network after steps on the transitions x, y, which are one mini-batch."""
    architecture, batch = about.build(bounded=True), batch_of(about.input.normalize(x), y)
    phi, v = architecture.start(theta, batch)
    batches = [(batch, torch.tensor([rate]))] * steps
    inner_loop(architecture.gradient(x.device), phi, v, batches, architecture.optimizer, theta.count)
    return phi


@torch.no_grad()
def changes(about: CheckpointMetadata, phi: Parameters, x: Tensor) -> Tensor:
    """Return the changes of state [B, 17] that a network expects of states with actions [B, 23]."""
    features, _ = about.network(phi, about.input.normalize(x)[None])
    return about.head.answers(logits(phi, features))[0]


def errors(about: CheckpointMetadata, phi: Parameters, task: VectorTask, first: int) -> tuple[float, float]:
    """Return the error 1 and AHEAD steps ahead, over the transitions that follow the shown ones."""
    scale = torch.tensor(about.head.scale)  # type: ignore[attr-defined] # the regression head's
    x, y = task.x[first : first + ASKED], task.targets[first : first + ASKED]
    one = ((changes(about, phi, x) - y) / scale).square().mean()
    starts = torch.arange(0, ASKED - AHEAD, (ASKED - AHEAD) // STARTS)
    state = x[starts, : y.shape[1]].clone()
    for step in range(AHEAD):
        state += changes(about, phi, torch.cat([state, x[starts + step, y.shape[1] :]], dim=1))
    ten = ((state - x[starts + AHEAD, : y.shape[1]]) / scale).square().mean()
    return float(one), float(ten)


def of_task(
    about: CheckpointMetadata, theta: MetaInitialization, task: VectorTask, steps: int, rate: float
) -> list[float]:
    """Return the mean errors over windows of a robot's transitions, each within an episode."""
    found = []
    for window in range(WINDOWS):
        first = window * dynamics.EPISODE + SHOWN
        shown = slice(first - SHOWN, first)
        phi = adapted(about, theta, task.x[shown], task.targets[shown], steps, rate)
        found.append(errors(about, phi, task, first))
    return np.mean(found, axis=0).tolist()


def oracle(about: CheckpointMetadata, theta: MetaInitialization, own: VectorTask, task: VectorTask) -> list[float]:
    """Return the errors of a network that went on learning on other transitions of the same robot."""
    phi = {name: each[None].clone().requires_grad_() for name, each in theta.parameters.items()}
    optimizer, architecture = torch.optim.Adam(phi.values(), 1e-3), about.build()
    draws, x = torch.Generator().manual_seed(0), about.input.normalize(own.x)
    for _ in range(ORACLE_STEPS):
        places = torch.randint(len(x), (128,), generator=draws)
        optimizer.zero_grad()
        architecture.loss(phi, batch_of(x[places], own.targets[places])).sum().backward()
        optimizer.step()
    frozen = {name: each.detach() for name, each in phi.items()}
    windows = [window * dynamics.EPISODE + SHOWN for window in range(WINDOWS)]
    return np.mean([errors(about, frozen, task, first) for first in windows], axis=0).tolist()


def row(name: str, found: list[list[float]], extra: str = "") -> str:
    values = np.array(found)
    reach = 1.96 * values.std(axis=0, ddof=1) / math.sqrt(len(values))
    cells = [f"{mean:.3f} ± {half:.3f}" for mean, half in zip(values.mean(axis=0), reach, strict=True)]
    return f"| {name} | {' | '.join(cells)} |{extra}"


def main(
    variants: Annotated[int, typer.Option(help="Unseen robots.")] = 20,
    scale: Annotated[float, typer.Option(help="Share of the training's meta steps.")] = 1.0,
    out: Annotated[Path, typer.Option(help="Where checkpoints of the learners are written.")] = Path("runs/dynamics"),
) -> None:
    """Train, adapt, print a table."""
    out.mkdir(parents=True, exist_ok=True)
    training = dynamics.tasks(dynamics.draw_variants(dynamics.TRAINING, dynamics.VARIANTS))
    validation = dynamics.tasks(dynamics.draw_variants(dynamics.VALIDATION, 10), seed=10**6)
    unseen = dynamics.draw_variants(dynamics.TEST, variants)
    test = dynamics.tasks(unseen, seed=2 * 10**6)
    own = dynamics.tasks(unseen, ORACLE_TRANSITIONS, seed=3 * 10**6)
    config = replace(dynamics.CONFIG, meta_steps=max(1, round(dynamics.CONFIG.meta_steps * scale)))
    gradients = config.meta_steps * config.inner_steps
    joint = replace(config, inner_steps=1, meta_steps=gradients)
    about = config.metadata(training)
    typer.echo(f"{describe_machine()}; {gradients} gradients each")
    learners = {
        "Reptile": vectors.train(config, about, training),
        "global": train_global(about, training, gradients),
        "joint training": vectors.train(joint, about, training),
    }
    for name, theta in learners.items():
        slug = name.replace(" ", "-").lower()
        save_checkpoint(out / f"{slug}.safetensors", about.model_copy(update={"name": slug}), theta)
    typer.echo("| learner | 1 step ahead | 10 steps ahead |\n|---|---|---|")
    tuned_errors = {}
    for name, theta in learners.items():
        typer.echo(row(name, [of_task(about, theta, task, 0, 0.0) for task in test]))
        tuned = {rate: np.mean([of_task(about, theta, task, STEPS, rate)[0] for task in validation]) for rate in RATES}
        rate = min(tuned, key=lambda each: tuned[each])
        found = tuned_errors[name] = [of_task(about, theta, task, STEPS, rate) for task in test]
        typer.echo(row(f"{name} + fine-tuning", found, f" rate {rate:g}"))
    pairs = zip(own, test, strict=True)
    typer.echo(row("oracle", [oracle(about, learners["global"], mine, task) for mine, task in pairs]))
    for name in ("global", "joint training"):
        differences = np.subtract(tuned_errors["Reptile"], tuned_errors[name]).tolist()
        typer.echo(row(f"Reptile less {name}, both fine-tuned, robot by robot", differences))


if __name__ == "__main__":
    typer.run(main)
