"""Drive a robot whose front thigh no longer obeys: step, adapt its model over HTTP to the last seconds, plan with it.

    pip install 'kshot-server[control]'                         # docs/dynamics.md has what it gives
    kshot train --preset dynamics                               # runs/dynamics/dynamics.safetensors, some minutes
    kshot serve --checkpoints runs/dynamics --checkpoint dynamics
    python examples/damaged_robot.py --seeds 5                  # with adapting, and without

The server keeps nothing (`keep=false`): it answers the adapted weights, and the planning is done here.
"""

import argparse
import json
import statistics
import struct
import time

import gymnasium
import numpy as np
from safetensors.numpy import load

from kshot import Client

DAMAGED = 3  # the joint that doesn't obey
SHOWN = 32  # transitions that the model adapts to
CANDIDATES, HORIZON, ITERATIONS = 500, 10, 2
FORWARD = 8  # of the state: how fast the body goes forward


class Dynamics:
    """The network that the server answered: from states and actions to the states that follow."""

    def __init__(self, file: bytes) -> None:
        """Read weights, and from the header how numbers are scaled."""
        (length,) = struct.unpack("<Q", file[:8])
        about = json.loads(json.loads(file[8 : 8 + length])["__metadata__"]["architecture"])
        weights = {name.removeprefix("parameters."): each for name, each in load(file).items()}
        count = len(about["network"]["hidden"])
        self.layers = [(weights[f"layer{n}.weight"], weights[f"layer{n}.bias"]) for n in range(1, count + 1)]
        self.head = weights["head.weight"].T, weights["head.bias"]
        self.mean, self.scale = (np.array(about["input"][name], np.float32) for name in ("mean", "scale"))
        self.middle, self.spread = (np.array(about["head"][name], np.float32) for name in ("mean", "scale"))

    def __call__(self, states: np.ndarray, actions: np.ndarray) -> np.ndarray:
        """Return the states [B, 17] that follow states [B, 17] after actions [B, 6]."""
        x = (np.concatenate([states, actions], axis=1) - self.mean) / self.scale
        for weight, bias in self.layers:
            x = np.maximum(x @ weight + bias, 0)
        return states + (x @ self.head[0] + self.head[1]) * self.spread + self.middle


def plan(model: Dynamics, state: np.ndarray, before: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return actions [HORIZON, 6]: of CANDIDATES around a plan the mean of the best, over some iterations."""
    mean, deviation = before, np.full_like(before, 0.6)
    for _ in range(ITERATIONS):
        plans = (mean + deviation * rng.normal(size=(CANDIDATES, *mean.shape))).clip(-1, 1).astype(np.float32)
        states, returns = np.repeat(state[None], CANDIDATES, axis=0), np.zeros(CANDIDATES)
        for step in range(HORIZON):
            states = model(states, plans[:, step])
            returns += states[:, FORWARD] - 0.1 * (plans[:, step] ** 2).sum(axis=1)
        best = plans[np.argsort(-returns)[: CANDIDATES // 20]]
        mean, deviation = best.mean(axis=0), best.std(axis=0) + 0.05
    return mean


def drive(
    client: Client, checkpoint: str, seed: int, steps: int, *, adapts: bool
) -> tuple[float, list[float], list[float]]:
    """Return the sum of rewards over so many steps, and the milliseconds of each adapting and of each whole turn."""
    env = gymnasium.make("HalfCheetah-v5", max_episode_steps=10**9)
    state, rng, total = np.float32(env.reset(seed=seed)[0]), np.random.default_rng(seed), 0.0
    seen, spent, turns = [], [], []
    nothing = {"inputs": np.zeros((1, 23)), "targets": np.zeros((1, 17)), "steps": 0}
    model = Dynamics(client.adapt_weights(checkpoint=checkpoint, **nothing))  # as it starts
    actions = np.zeros((HORIZON, 6), dtype=np.float32)
    for _ in range(steps):
        begun = time.perf_counter()
        if adapts and len(seen) >= SHOWN:
            x, y = zip(*seen[-SHOWN:], strict=True)
            model = Dynamics(client.adapt_weights(checkpoint=checkpoint, inputs=x, targets=y))
            spent.append(1000 * (time.perf_counter() - begun))
        actions = plan(model, state, np.concatenate([actions[1:], actions[-1:]]), rng).astype(np.float32)
        turns.append(1000 * (time.perf_counter() - begun))
        obeyed = actions[0].copy()
        obeyed[DAMAGED] = 0
        following, reward, *_ = env.step(obeyed)
        following = np.float32(following)
        seen.append((np.concatenate([state, actions[0]]), following - state))
        state, total = following, total + float(reward)
    return total, spent, turns


def main() -> None:
    """Drive with each seed, without adapting and with it."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--checkpoint", default="dynamics")
    options.add_argument("--seeds", type=int, default=5)
    options.add_argument("--steps", type=int, default=200)
    given = options.parse_args()
    with Client() as client:
        for adapts in (False, True):
            runs = [drive(client, given.checkpoint, seed, given.steps, adapts=adapts) for seed in range(given.seeds)]
            returns = [total for total, _, _ in runs]
            said = f"{'adapting' if adapts else 'as it starts'}: returns {', '.join(f'{each:.0f}' for each in returns)}"
            print(f"{said}; mean {statistics.mean(returns):.0f}, turn p50 {p50(turns for *_, turns in runs):.0f} ms")
            if adapts:
                print(f"adapting over HTTP: p50 {p50(spent for _, spent, _ in runs):.1f} ms")


def p50(lists: object) -> float:
    """Return the median of all numbers of some lists."""
    return statistics.median(each for some in lists for each in some)


if __name__ == "__main__":
    main()
