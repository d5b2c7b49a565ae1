"""A robot's dynamics: `kshot train --preset dynamics`, which needs the extra `control`.

A task is a variant of gymnasium's HalfCheetah-v5 (MuJoCo): a joint that no longer obeys, other masses, friction and
damping. From a state and an action a network estimates the change of the state. At run time the last transitions adapt
it, the setting of GrBAL (Nagabandi et al. 2019, arXiv 1803.11347); here Reptile makes the start.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray

from meta_training.data.episodes import generator
from meta_training.errors import RunError
from meta_training.tasks.tables import VectorTask
from meta_training.tasks.vectors import VectorConfig
from models.metadata import InnerSpec

ROBOT = "HalfCheetah-v5"
JOINTS = 6
KEPT_WHOLE = 3
"""The joint that is crippled in no variant of the training: the front thigh's."""
EPISODE = 250  # steps until it is set up anew
TRAINING, VALIDATION, TEST = 0, 1, 2  # streams of variants
VARIANTS, TRANSITIONS = 60, 1500
MEMORY = 0.8
"""Share of its last action that the next one keeps: the robot moves, rather than tremble."""

CONFIG = VectorConfig(
    name="dynamics",
    inner=InnerSpec(steps=10, learning_rate=1e-3, max_step=1.0),
    inner_steps=8,
    batch=32,
    meta_steps=3000,
    meta_batch=8,
)


@dataclass(frozen=True)
class Variant:
    """A robot: the joint that doesn't obey, if any, and its masses, friction and damping, as factors."""

    crippled: int | None = None
    mass: float = 1.0
    friction: float = 1.0
    damping: float = 1.0

    def make(self) -> "Robot":
        """Return it, ready to move. Raises RunError where the extra isn't installed."""
        return Robot(self)


class Robot:
    """A simulated robot."""

    def __init__(self, variant: Variant) -> None:
        if find_spec("gymnasium") is None or find_spec("mujoco") is None:
            raise RunError("The robot's dynamics need packages that aren't here: pip install 'kshot-server[control]'.")
        gymnasium: Any = import_module("gymnasium")  # untyped where it isn't installed
        self.variant = variant
        self._env = gymnasium.make(ROBOT, exclude_current_positions_from_observation=True, max_episode_steps=10**9)
        model = self._env.unwrapped.model
        model.body_mass[:] *= variant.mass
        model.body_inertia[:] *= variant.mass
        model.geom_friction[:] *= variant.friction
        model.dof_damping[:] *= variant.damping

    def reset(self, seed: int) -> NDArray[np.float32]:
        """Set it up anew, and return its state [17]."""
        state, _ = self._env.reset(seed=seed)
        return np.asarray(state, dtype=np.float32)

    def step(self, action: NDArray[np.float32]) -> tuple[NDArray[np.float32], float]:
        """Return its state after an action [6], and the reward: how fast it goes forward, less a cost of the action."""
        obeyed = action.copy()
        if self.variant.crippled is not None:
            obeyed[self.variant.crippled] = 0
        state, reward, *_ = self._env.step(obeyed)
        return np.asarray(state, dtype=np.float32), float(reward)


def draw_variants(stream: int, count: int, seed: int = 0) -> list[Variant]:
    """Draw robots: for TEST all with the joint crippled that in the other streams never is."""
    rng, others = generator(seed, stream), [None, *(joint for joint in range(JOINTS) if joint != KEPT_WHOLE)]
    variants = []
    for number in range(count):
        mass, friction, damping = np.exp(rng.uniform(-np.log(2), np.log(2), 3)).tolist()
        crippled = KEPT_WHOLE if stream == TEST else others[number % len(others)]
        variants.append(Variant(crippled, mass, friction, damping))
    return variants


def draw_actions(rng: Generator, steps: int) -> NDArray[np.float32]:
    """Draw actions [steps, 6] that follow one another smoothly."""
    actions = np.zeros((steps, JOINTS), dtype=np.float32)
    for step in range(1, steps):
        actions[step] = MEMORY * actions[step - 1] + (1 - MEMORY**2) ** 0.5 * rng.normal(size=JOINTS) * 0.6
    return actions.clip(-1, 1)


def record(variant: Variant, steps: int, seed: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return states with actions [steps, 23] and the changes of state [steps, 17] of a robot that moves at random."""
    robot, actions = variant.make(), draw_actions(generator(seed), steps)
    state, x, y = robot.reset(seed), [], []
    for number, action in enumerate(actions):
        if number % EPISODE == 0:
            state = robot.reset(seed + number)
        following, _ = robot.step(action)
        x.append(np.concatenate([state, action]))
        y.append(following - state)
        state = following
    return np.stack(x), np.stack(y)


def tasks(variants: Sequence[Variant], transitions: int = TRANSITIONS, seed: int = 0) -> list[VectorTask]:
    """Return a task of each robot."""
    found = []
    for number, variant in enumerate(variants):
        x, y = map(torch.from_numpy, record(variant, transitions, seed + 1000 * number))
        found.append(VectorTask.of_targets(f"variant-{number}", x, y))
    return found
