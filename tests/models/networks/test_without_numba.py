"""Where numba is not installed everything works, by torch's operations alone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import torch

from models.checkpoint import SHIPPED, load_checkpoint
from models.learner import Learner
from models.tasks import Support

ROOT = Path(__file__).parents[3]
ADAPTATION = """
import sys
sys.modules["numba"] = None
import torch
from models.kernels import compilation
from tests.models.networks.test_without_numba import adapt
assert not compilation.AVAILABLE and "numba" in compilation.describe()
print(*adapt(), sep=",")
"""


def adapt() -> list[float]:
    """The losses of an adaptation of the shipped checkpoint for drawings, and then a query's probabilities."""
    learner = Learner(load_checkpoint(SHIPPED / "omniglot.safetensors"), torch.device("cpu"))
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(256, (7, 1, 28, 28), generator=generator, dtype=torch.uint8)
    encoded = learner.encode(images)
    support = Support(encoded[:6], torch.arange(6).remainder(3), ways=3, steps=3, learning_rate=1e-3)
    (made,) = learner.adapt([support])
    (answer,) = learner.predict([made.adapted], [encoded[6:]])
    return [*made.losses, *answer.probabilities[0].tolist()]


def test_a_process_without_numba_adapts_and_predicts_the_same() -> None:
    done = subprocess.run([sys.executable, "-c", ADAPTATION], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = torch.tensor([float(number) for number in done.stdout.split(",")])
    torch.testing.assert_close(found, torch.tensor(adapt()), atol=1e-4, rtol=1e-4)
