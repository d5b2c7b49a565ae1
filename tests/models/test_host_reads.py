"""What the inner loop would keep a GPU waiting for: each time the host reads a number that is computed there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from torch.utils._python_dispatch import TorchDispatchMode

from models.checkpoint import SHIPPED, load_checkpoint
from models.kernels import compilation
from models.learner import Learner
from models.tasks import Support
from tests.models.test_cuda import CPU, FOLDERS, examples

READING = {"_local_scalar_dense", "equal", "is_nonzero", "masked_select", "nonzero", "unique", "_unique2"}
"""Operations whose result, or its shape, the host has to know before it goes on."""
STEPS = 4


class Reads(TorchDispatchMode):
    """Counts them."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.count += func.overloadpacket.__name__ in READING
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("name", FOLDERS)
def test_steps_read_nothing_from_the_device(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compilation, "AVAILABLE", False)  # numba's kernels are the CPU's alone
    learner = Learner(load_checkpoint(SHIPPED / f"{name}.safetensors"), CPU)
    supports = two_tasks(learner, FOLDERS[name] / "support")
    seen: list[int] = []

    with Reads() as reads:
        learner.adapt(supports, observe=lambda *_: seen.append(reads.count))
    assert len(seen) == STEPS
    assert reads.count > seen[-1]  # what becomes of the tasks is read at the end, so they are counted
    assert seen == [seen[0]] * STEPS


def two_tasks(learner: Learner, folder: Path) -> list[Support]:
    """Of different sizes, numbers of classes and steps."""
    images, labels = examples(learner, folder)
    encoded, rate = learner.encode(images), learner.checkpoint.metadata.inner.learning_rate
    few = labels < 3
    whole = Support(encoded, labels, int(labels.max()) + 1, STEPS, rate)
    return [whole, Support(encoded[few], labels[few], 3, 2, rate)]
