"""T tasks at once as the service has them: adapt to support sets by the shipped checkpoints, and predict one query."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import TypeAlias

import torch
from torch import Tensor

from benchmarks.gpu.report import Row
from benchmarks.gpu.scope import CHECKPOINTS, Scope
from benchmarks.gpu.stopwatch import GPU, Effort, devices, medians
from benchmarks.inner_loop.problem import CPU
from models.checkpoint import SHIPPED, load_checkpoint
from models.initializations.adapted import Adaptation
from models.learner import Learner
from models.tasks import Support

WAYS, SHOTS = 5, 5
FASTER = "cuda, TF32"
NAMES = [CPU.type, GPU.type, FASTER]

Adapting: TypeAlias = Callable[[], list[Adaptation]]


def rows(scope: Scope) -> Iterator[Row]:
    """Yield what adapting and predicting take, for each checkpoint and T."""
    for name in scope.checkpoints:
        checkpoint = load_checkpoint(SHIPPED / f"{name}.safetensors")
        learners = {device.type: Learner(checkpoint, device) for device in devices()}
        for count in scope.tasks:
            yield from _rows(CHECKPOINTS[name], learners, count, scope.effort)


def _rows(title: str, learners: dict[str, Learner], count: int, effort: Effort) -> Iterator[Row]:
    supports = {name: _supports(learner, count) for name, learner in learners.items()}
    works = {name: (learner.device, partial(learner.adapt, supports[name])) for name, learner in learners.items()}
    if GPU.type in works:
        works[FASTER] = GPU, partial(_with_tf32, works[GPU.type][1])
    took, steps = medians(works, effort), supports[CPU.type][0].steps
    notes = _notes(works[GPU.type][1], works[FASTER][1]) if GPU.type in works else {}
    yield Row(f"adapt to {WAYS * SHOTS} {title}, {steps} steps", count, took, NAMES, notes)
    able = {name: learners[name] for name in took if name in learners}
    asked = {name: (learner.device, _predict(learner, supports[name])) for name, learner in able.items()}
    yield Row(f"predict one of {title}", count, medians(asked, effort), NAMES[:2])


def _supports(learner: Learner, count: int) -> list[Support]:
    """Return support sets of noise, encoded and on the device, with the steps that they get by default."""
    about = learner.checkpoint.metadata
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(WAYS).repeat_interleave(SHOTS)
    shape = len(labels), *about.input.example
    images = (torch.randint(256, shape, generator=generator, dtype=torch.uint8) for _ in range(count))
    steps, rate = about.inner.steps_for(SHOTS), about.inner.learning_rate
    return [Support(learner.encode(each), labels, WAYS, steps, rate) for each in images]


def _predict(learner: Learner, supports: list[Support]) -> Callable[[], object]:
    models = [made.adapted for made in learner.adapt(supports)]
    return partial(learner.predict, models, [support.features[:1] for support in supports])


def _with_tf32(adapt: Adapting) -> list[Adaptation]:
    """Adapt with products of ten bits."""
    before = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = True
    try:
        return adapt()
    finally:
        torch.backends.cuda.matmul.allow_tf32 = before


def _notes(exact: Adapting, rough: Adapting) -> dict[str, str]:
    """Return what the card needed at most, and how far losses after the steps are from those of full precision."""
    torch.cuda.reset_peak_memory_stats()
    losses = _last_losses(exact())
    memory = f"{torch.cuda.max_memory_allocated() / 1e9:.2f} GB"
    apart = float((losses - _last_losses(rough())).abs().max())
    return {GPU.type: memory, FASTER: f"losses at most {apart:.1g} apart"}


def _last_losses(made: list[Adaptation]) -> Tensor:
    return torch.tensor([each.losses[-1] for each in made])
