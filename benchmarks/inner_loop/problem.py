"""The problem that every contender solves: a network, its initialization, images, and the operations of a step."""

from dataclasses import dataclass

import torch

from models.architecture import Architecture, MetaInitialization
from models.heads.dense import DenseHead
from models.networks.conv4.block import KERNEL
from models.networks.conv4.network import LAYERS, Conv4
from models.networks.padding import places
from models.optimizers import Adam
from models.tasks import TaskBatch

BATCH, WAYS, RATE = 10, 5, 1e-3
CPU = torch.device("cpu")
DIFFERENT = 2  # batches that take turns

NETWORKS = {
    "28": Conv4(channels=1, size=28, filters=64),
    "84": Conv4(channels=3, size=84, filters=32, pool=True),
}


def describe(network: Conv4) -> str:
    """Return its image size and number of filters, as text."""
    return f"{network.size}×{network.size}×{network.channels}, {network.filters} filters"


@dataclass(frozen=True)
class Problem:
    """T tasks that each take steps of Adam on batches of 10 images of 5 classes, from one theta and v = 0."""

    network: Conv4
    tasks: int
    dtype: torch.dtype = torch.float32
    epsilon: float = 1e-8
    device: torch.device = CPU

    @property
    def architecture(self) -> Architecture:
        """Return the network with a dense head and Adam with β₁ = 0."""
        return Architecture(self.network, DenseHead(ways=WAYS), Adam(epsilon=self.epsilon))

    def initialization(self) -> MetaInitialization:
        """Return theta, the same at each call."""
        return self.architecture.initialize(seed=0).to(self.dtype).to(self.device)

    def batches(self) -> list[TaskBatch]:
        """Return batches of noise, x [T, 10, H, W, C], the same at each call."""
        generator = torch.Generator().manual_seed(1)
        size, channels = self.network.size, self.network.channels
        shape = (self.tasks, BATCH, size, size, channels)
        labels = torch.arange(BATCH).remainder(WAYS).repeat(self.tasks, 1)
        ways = torch.full((self.tasks,), WAYS)
        images = (torch.rand(shape, generator=generator, dtype=self.dtype) for _ in range(DIFFERENT))
        return [TaskBatch(x, labels, ways).to(self.device) for x in images]


def flops(network: Conv4) -> int:
    """Return the operations in the matrix products of a task-step; a multiply-add counts as two.

    A layer is a product of M places by K inputs by N outputs, 2·M·K·N operations, and its backward has two of that
    size, of which the first layer needs only that for its weights.
    """
    side, inputs, total = network.size, network.channels, 0
    for layer in range(1, LAYERS + 1):
        outputs = side if network.pool else places(side, 2)
        product = 2 * BATCH * outputs**2 * KERNEL**2 * inputs * network.filters
        total += (2 if layer == 1 else 3) * product
        side, inputs = places(side, 2), network.filters
    return total + 3 * 2 * BATCH * network.features * WAYS
