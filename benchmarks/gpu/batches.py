"""T tasks at once as the service has them: adapt to support sets by the shipped checkpoints, and predict one query."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import TypeAlias

import torch
from torch import Tensor

from benchmarks.gpu.report import Row
from benchmarks.gpu.scope import CHECKPOINTS, Scope
from benchmarks.gpu.stopwatch import GPU, Stopwatch, devices
from benchmarks.inner_loop.problem import CPU
from models.checkpoint import SHIPPED, load_checkpoint
from models.initializations.adapted import Adaptation
from models.learner import Learner
from models.tasks import Support

WAYS, SHOTS = 5, 5
FASTER = "cuda, TF32"
NAMES = [CPU.type, GPU.type, FASTER]

DIFFERENT = 4  # support sets: to encode hundreds takes a CPU minutes
MODELS = 4
"""Made to be asked, at most, on a CPU."""

Adapting: TypeAlias = Callable[[], list[Adaptation]]
Learners: TypeAlias = dict[str, Learner]
Supports: TypeAlias = dict[str, list[Support]]
"""By the type of a device."""


def rows(scope: Scope) -> Iterator[Row]:
    """Yield what adapting and predicting take, for each checkpoint and T."""
    for name in scope.checkpoints:
        checkpoint = load_checkpoint(SHIPPED / f"{name}.safetensors")
        learners = {device.type: Learner(checkpoint, device) for device in devices()}
        adapting, predicting = Stopwatch(scope.effort), Stopwatch(scope.effort)
        for count in scope.tasks:
            supports = {each: _supports(learner, count) for each, learner in learners.items()}
            yield _adapting(CHECKPOINTS[name], learners, supports, adapting)
            yield _predicting(CHECKPOINTS[name], learners, supports, predicting)


def _adapting(title: str, learners: Learners, supports: Supports, stopwatch: Stopwatch) -> Row:
    count, steps = len(supports[CPU.type]), supports[CPU.type][0].steps
    works = {name: (learner.device, partial(learner.adapt, supports[name])) for name, learner in learners.items()}
    if GPU.type in works:
        works[FASTER] = GPU, partial(_with_tf32, works[GPU.type][1])
    notes = _notes(works[GPU.type][1], works[FASTER][1]) if GPU.type in works else {}
    what = f"adapt to {WAYS * SHOTS} {title}, {steps} steps"
    return Row(what, count, stopwatch.medians(count, works), NAMES, notes)


def _predicting(title: str, learners: Learners, supports: Supports, stopwatch: Stopwatch) -> Row:
    """Of as many models, which are few on a CPU: to make them takes long."""
    count = len(supports[CPU.type])
    able = {name: learner for name, learner in learners.items() if name == GPU.type or count <= MODELS}
    works = {name: (learner.device, _predict(learner, supports[name])) for name, learner in able.items()}
    return Row(f"predict one of {title}", count, stopwatch.medians(count, works), NAMES[:2])


def _supports(learner: Learner, count: int) -> list[Support]:
    """Return so many support sets of noise, encoded and on the device, with the steps that they get by default."""
    about = learner.checkpoint.metadata
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(WAYS).repeat_interleave(SHOTS)
    shape = len(labels), *about.input.example
    images = (torch.randint(256, shape, generator=generator, dtype=torch.uint8) for _ in range(min(count, DIFFERENT)))
    steps, rate = about.inner.steps_for(SHOTS), about.inner.learning_rate
    drawn = [Support(learner.encode(each), labels, WAYS, steps, rate) for each in images]
    return [drawn[task % len(drawn)] for task in range(count)]


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
