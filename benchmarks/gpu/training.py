"""Meta steps of Omniglot's preset, on drawings of the tests."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch

from benchmarks.gpu.report import Row
from benchmarks.gpu.scope import Scope
from benchmarks.gpu.stopwatch import GPU, devices, medians
from benchmarks.inner_loop.problem import CPU
from meta_training.data.image_classes import ImageClasses, read_classes
from meta_training.data.meta_batches import EpisodeDistribution
from meta_training.data.splits import Split
from meta_training.launch import describe
from meta_training.presets import OMNIGLOT_5WAY
from meta_training.reptile import ALGORITHMS

DRAWINGS = Path(__file__).parents[2] / "tests" / "data" / "drawings" / "support"
CONFIG = replace(OMNIGLOT_5WAY, shots=5)  # as many as there are of each


def rows(scope: Scope) -> Iterator[Row]:
    """Yield what a meta step takes by each algorithm, with as many tasks as the preset has."""
    classes = read_classes([DRAWINGS], CONFIG.input)
    for algorithm in ALGORITHMS:
        works = {device.type: (device, partial(_meta_step, algorithm, classes, device)) for device in devices()}
        what = f"meta steps by {algorithm}, {CONFIG.meta_batch} tasks each"
        yield Row(what, 1, medians(works, scope.effort), [CPU.type, GPU.type])


def _meta_step(algorithm: str, classes: ImageClasses, device: torch.device) -> None:
    config = replace(CONFIG, algorithm=algorithm)
    architecture = describe(config, Split("drawings", 0, classes, classes, classes)).build()
    distribution = EpisodeDistribution(config, classes, architecture, device)
    theta = architecture.initialize(seed=0).to(device)
    ALGORITHMS[algorithm](theta, distribution, 0, 0.5)
