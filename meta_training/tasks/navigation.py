"""MAML's 2D navigation (Finn et al. 2017, section 5.3) by policy gradient: `kshot train --preset navigation`.

A point starts at the origin and is to reach a goal within half a unit that it is not told; its reward is minus its
squared distance from there. A task is a goal, an inner step REINFORCE on trajectories of the policy as it is. Joint
training is Reptile with one inner step, which is gradient descent on the tasks' mean return.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from matplotlib.figure import Figure
from torch import Tensor
from tqdm import tqdm

from meta_training.data.episodes import generator
from meta_training.errors import RunError
from meta_training.reptile import ALGORITHMS, annealed
from meta_training.run_folder import make_folder, write_json
from models.architecture import MetaInitialization
from models.inner_loop import Gradient, inner_loop
from models.networks.mlp import MLP
from models.optimizers import SGD
from models.parameters import Parameters, stack

NETWORK = MLP(size=2, hidden=(64, 64))
HORIZON, TRAJECTORIES, REACH = 100, 20, 0.1
"""Steps of a trajectory, trajectories of an inner step, and how far the point goes in a step at most."""
NOISE, DISCOUNT, RATE = 0.05, 0.99, 0.1
META_BATCH, GRADIENTS, EPSILON = 20, 300, 1.0
TEST_GOALS, SHOWN = 40, (0, 1, 3, 5)
SEEDS = (0, 1, 2)
TEST = 10**6  # marks the stream of test goals
LEARNERS: Mapping[str, tuple[str, int]] = {
    "joint training": ("reptile", 1),
    "first-order MAML": ("fomaml", 2),
    "Reptile": ("reptile", 5),
}
"""Of each, the meta-algorithm and its inner steps in training; the last of first-order MAML's is its meta-gradient.

All see as many trajectories: with more inner steps they have fewer meta steps.
"""


@dataclass(frozen=True)
class Goals:
    """T tasks: goals [T, 2], and the seed of the noise of their trajectories."""

    at: Tensor
    seed: int


def initialize(seed: int) -> MetaInitialization:
    """Return a fresh policy: a network of the position, whose linear output is the mean of the next move."""
    random = torch.Generator().manual_seed(seed)
    head = {"head.weight": torch.zeros(NETWORK.features, 2), "head.bias": torch.zeros(1, 2)}
    return MetaInitialization(NETWORK.initialize(random) | head, {})


def moves(policy: Parameters, positions: Tensor) -> Tensor:
    """Return the means [T, B, 2] of the next moves of stacked policies at positions [T, B, 2]."""
    features, _ = NETWORK(policy, positions)
    return REACH * torch.baddbmm(policy["head.bias"], features, policy["head.weight"]).tanh()


@torch.no_grad()
def roll_out(policy: Parameters, goals: Goals) -> tuple[Tensor, Tensor, Tensor]:
    """Return positions and moves [T, HORIZON, TRAJECTORIES, 2] and rewards [T, HORIZON, TRAJECTORIES]."""
    random, position = torch.Generator().manual_seed(goals.seed), torch.zeros(len(goals.at), TRAJECTORIES, 2)
    noise = NOISE * torch.randn(HORIZON, *position.shape, generator=random)
    positions, taken, rewards = [], [], []
    for step in range(HORIZON):
        move = moves(policy, position) + noise[step]
        positions.append(position)
        taken.append(move)
        position = position + move.clamp(-REACH, REACH)
        rewards.append(-(position - goals.at[:, None]).square().sum(dim=2))
    return torch.stack(positions, 1), torch.stack(taken, 1), torch.stack(rewards, 1)


def policy_gradient(policy: Parameters, goals: Goals) -> tuple[Tensor, Parameters]:
    """Return minus the mean return of each task [T], and REINFORCE's gradient of it.

    Rewards to come, discounted, count against their mean over the trajectories at the same step, and are brought to
    deviation 1.
    """
    positions, taken, rewards = roll_out(policy, goals)
    to_come = torch.zeros_like(rewards)
    following = torch.zeros_like(rewards[:, 0])
    for step in reversed(range(HORIZON)):
        following = rewards[:, step] + DISCOUNT * following
        to_come[:, step] = following
    advantage = to_come - to_come.mean(dim=2, keepdim=True)
    advantage = advantage / advantage.std(dim=(1, 2), keepdim=True).clamp_min(1e-6)
    leaves = {name: tensor.detach().requires_grad_() for name, tensor in policy.items()}
    means = moves(leaves, positions.flatten(1, 2)).view_as(taken)
    likelihood = -((taken - means) / NOISE).square().sum(dim=3) / 2
    loss = -(likelihood * advantage).mean(dim=(1, 2))
    gradients = torch.autograd.grad(loss.sum(), list(leaves.values()))
    return -rewards.sum(dim=1).mean(dim=1), dict(zip(leaves, gradients, strict=True))


@dataclass(frozen=True)
class NavigationTasks:
    """The goals of a meta step, and the learner that adapts to them (`Tasks`): SGD by policy gradient."""

    minibatches: list[tuple[Goals, Tensor]]

    @property
    def optimizer(self) -> SGD:
        """Plain gradient ascent of the return."""
        return SGD()

    def gradient(self) -> Gradient[Goals]:
        """Return the policy gradient."""
        return policy_gradient

    def start(self, theta: MetaInitialization) -> tuple[Parameters, Parameters]:
        """Return each task's own copy of theta; SGD keeps no second moment."""
        return stack(theta.parameters, len(self.minibatches[0][1])), {}

    def carried(self, _: MetaInitialization, v: Parameters) -> Parameters:
        """Return `v`, which is empty."""
        return v


@dataclass(frozen=True)
class RandomGoals:
    """Goals drawn anew for each meta step (`TaskDistribution`)."""

    seed: int
    inner_steps: int
    meta_batch: int = META_BATCH

    def sample(self, step: int, indices: range) -> NavigationTasks:
        """Draw the goals with these indices of a meta step."""
        at = torch.from_numpy(generator(self.seed, step).uniform(-0.5, 0.5, (self.meta_batch, 2))).float()
        own, rates = at[torch.tensor(indices)], torch.full((len(indices),), RATE)
        first = (self.seed * TEST + step) * self.inner_steps
        return NavigationTasks([(Goals(own, first + number), rates) for number in range(self.inner_steps)])


def train(learner: str, seed: int, gradients: int) -> tuple[MetaInitialization, list[float]]:
    """Return a policy, and the mean return of the goals of each meta step before its inner steps."""
    algorithm, inner_steps = LEARNERS[learner]
    meta_steps = gradients // inner_steps
    theta, goals, curve = initialize(seed), RandomGoals(seed, inner_steps), []
    for step in tqdm(range(meta_steps), desc=f"{learner}, seed {seed}", unit="step"):
        theta, losses = ALGORITHMS[algorithm](theta, goals, step, annealed(step, meta_steps, EPSILON))
        curve.append(-float(losses[0]))
    return theta, curve


def returns(theta: MetaInitialization, seed: int) -> dict[int, float]:
    """Return, by inner steps, the mean return over goals that training never saw."""
    at = torch.from_numpy(generator(seed, TEST).uniform(-0.5, 0.5, (TEST_GOALS, 2))).float()
    phi, found, rates = stack(theta.parameters, TEST_GOALS), {}, torch.full((TEST_GOALS,), RATE)
    for step in range(max(SHOWN) + 1):
        if step in SHOWN:
            found[step] = float(roll_out(phi, Goals(at, TEST - 1))[2].sum(dim=1).mean())
        inner_loop(policy_gradient, phi, {}, [(Goals(at, TEST + step), rates)], SGD())
    return found


def run(out: Path, gradients: int = GRADIENTS) -> dict[str, list[dict[int, float]]]:
    """Train all with each of SEEDS, write `navigation.json` and `navigation.png`, and return the returns by learner.

    The first is a policy that wasn't trained. Raises RunError where the folder holds such a run already.
    """
    make_folder(out)
    if (out / "navigation.json").exists():
        raise RunError(f"{out} holds a run already: name another folder by --out.")
    found = {"not trained": [returns(initialize(seed), seed) for seed in SEEDS]}
    curves: dict[str, list[list[float]]] = {}
    for learner in LEARNERS:
        made = [train(learner, seed, gradients) for seed in SEEDS]
        found[learner] = [returns(theta, seed) for (theta, _), seed in zip(made, SEEDS, strict=True)]
        curves[learner] = [curve for _, curve in made]
    draw(curves).savefig(out / "navigation.png", dpi=110)
    document: dict[str, Any] = {"seeds": SEEDS, "gradients": gradients, "returns": found, "curves": curves}
    write_json(out / "navigation.json", document)
    return found


def draw(curves: Mapping[str, list[list[float]]]) -> Figure:
    """Draw the returns while training, of each seed and learner."""
    figure = Figure(figsize=(8, 4), layout="constrained")
    axes = figure.subplots()
    for colour, (learner, runs) in enumerate(curves.items()):
        for number, curve in enumerate(runs):
            at = [step * LEARNERS[learner][1] for step in range(len(curve))]
            axes.plot(at, curve, color=f"C{colour}", alpha=0.7, label=None if number else learner)
    axes.set(xlabel="gradients of a task", ylabel="mean return before adapting")
    axes.legend()
    axes.grid(alpha=0.3)
    return figure
