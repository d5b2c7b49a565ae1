"""The batched inner loop against the textbook way: a torch.nn module and a torch optimizer for each task."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, pad

from models.architecture import Architecture
from models.heads.dense import DenseHead
from models.heads.linear import HEAD_BIAS, HEAD_WEIGHT
from models.heads.prototype import PrototypeHead
from models.inner_loop import by_autograd, inner_loop
from models.networks.conv4.block import EPSILON
from models.networks.conv4.network import Conv4
from models.networks.padding import same_padding
from models.optimizers import SGD, Adam, Optimizer
from models.parameters import Parameters, stack
from models.tasks import TaskBatch

CPU = torch.device("cpu")
STEPS, WAYS, RATE = 4, 5, 1e-3
OMNIGLOT = Conv4(channels=1, size=28)
MINI_IMAGENET = Conv4(channels=3, size=84, filters=32, pool=True)


class Block(nn.Sequential):
    def __init__(self, channels: int, filters: int, stride: int) -> None:
        self.stride = stride
        norm = nn.BatchNorm2d(filters, eps=EPSILON, track_running_stats=False)
        layers = [nn.Conv2d(channels, filters, 3, stride=stride, bias=False), norm, nn.ReLU()]
        if stride == 1:
            layers.insert(2, nn.MaxPool2d(2, ceil_mode=True))
        super().__init__(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(
            pad(x, (*same_padding(x.shape[3], 3, self.stride), *same_padding(x.shape[2], 3, self.stride)))
        )


class TextbookConv4(nn.Module):
    """The paper's network in torch.nn, with one task's parameters."""

    def __init__(self, network: Conv4, parameters: Parameters) -> None:
        super().__init__()
        filters, stride = network.filters, 1 if network.pool else 2
        channels = (network.channels, filters, filters, filters)
        self.blocks = nn.Sequential(*(Block(channel, filters, stride) for channel in channels))
        self.head = nn.Linear(network.features, WAYS)
        for layer, block in enumerate(self.blocks, 1):
            weight = parameters[f"conv{layer}.weight"].view(3, 3, -1, filters).permute(3, 2, 0, 1)
            block[0].weight.data.copy_(weight)
        self.head.weight.data.copy_(parameters[HEAD_WEIGHT])
        self.head.bias.data.copy_(parameters[HEAD_BIAS])

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.blocks(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1).flatten(1))


def batches(network: Conv4, tasks: int, generator: torch.Generator) -> list[TaskBatch]:
    labels = torch.arange(10).remainder(WAYS).expand(tasks, -1)
    ways = torch.full((tasks,), WAYS)
    shape = (STEPS, tasks, 10, network.size, network.size, network.channels)
    return [TaskBatch(x, labels, ways) for x in torch.rand(shape, generator=generator, dtype=torch.double)]


@pytest.mark.usefixtures("with_and_without_numba")
@pytest.mark.parametrize("network", [OMNIGLOT, MINI_IMAGENET], ids=["omniglot", "mini-imagenet"])
def test_weights_equal_those_of_a_module_and_torch_adam_per_task(network: Conv4) -> None:
    """Two tasks in a row, so that the second starts from the second moment that the first left.

    In double precision and with a small epsilon: the first steps of Adam are the sign of a gradient, which rounding
    turns where the gradient is about 0.
    """
    adam = Adam(epsilon=1e-14)
    architecture = Architecture(network, DenseHead(ways=WAYS), adam)
    generator = torch.Generator().manual_seed(1)
    theta = architecture.initialize(seed=0).to(torch.double)
    first, second = batches(network, 1, generator), batches(network, 1, generator)
    phi, moments = architecture.start(theta, first[0])
    rates = torch.tensor([RATE])
    inner_loop(architecture.gradient(CPU), phi, moments, [(batch, rates) for batch in first], adam)
    inner_loop(architecture.gradient(CPU), phi, moments, [(batch, rates) for batch in second], adam, count=STEPS)

    module = TextbookConv4(network, theta.parameters).double()
    optimizer = torch.optim.Adam(module.parameters(), lr=RATE, betas=(0.0, 0.999), eps=1e-14)
    for batch in first + second:
        optimizer.zero_grad()
        cross_entropy(module(batch.x[0]), batch.labels[0]).backward()
        optimizer.step()

    torch.testing.assert_close(phi[HEAD_WEIGHT][0], module.head.weight.data, rtol=0, atol=1e-7)
    for layer, block in enumerate(module.blocks, 1):
        kernel = block[0].weight.data.permute(2, 3, 1, 0).reshape(-1, network.filters)
        torch.testing.assert_close(phi[f"conv{layer}.weight"][0], kernel, rtol=0, atol=1e-7)


@pytest.mark.usefixtures("with_and_without_numba")
@pytest.mark.parametrize("size", [17, 28, 65, 84])
@pytest.mark.parametrize("pool", [False, True])
def test_a_networks_features_are_as_many_as_it_says(size: int, pool: bool) -> None:
    network = Conv4(channels=3, size=size, filters=4, pool=pool)
    parameters = stack(network.initialize(torch.Generator()), 1)
    assert network(parameters, torch.rand(1, 2, size, size, 3))[0].shape == (1, 2, network.features)


def test_mini_imagenets_network_has_the_papers_features() -> None:
    assert MINI_IMAGENET.features == 6 * 6 * 32


@pytest.mark.usefixtures("with_and_without_numba")
@pytest.mark.parametrize("optimizer", [Adam(), SGD()])
def test_tasks_of_a_batch_do_not_touch_each_other(optimizer: Optimizer) -> None:
    architecture = Architecture(OMNIGLOT, PrototypeHead(), optimizer)
    theta = architecture.initialize(seed=0).to(torch.double)
    together = batches(OMNIGLOT, 3, torch.Generator().manual_seed(2))
    phi, moments = architecture.start(theta, together[0])
    rates = torch.tensor([1e-3, 5e-3, 0.0])
    inner_loop(architecture.gradient(CPU), phi, moments, [(batch, rates) for batch in together], optimizer)
    for task in range(3):
        alone = [TaskBatch(b.x[task : task + 1], b.labels[task : task + 1], b.ways[:1]) for b in together]
        own, own_moments = architecture.start(theta, alone[0])
        inner_loop(
            architecture.gradient(CPU),
            own,
            own_moments,
            [(batch, rates[task : task + 1]) for batch in alone],
            optimizer,
        )
        for name, tensor in own.items():
            torch.testing.assert_close(tensor[0], phi[name][task], rtol=0, atol=1e-7)
        unmoved = all(torch.equal(own[name][0], tensor) for name, tensor in theta.parameters.items())
        assert unmoved == (rates[task] == 0)


def test_any_network_with_a_loss_can_take_the_steps() -> None:
    """Two tasks that each fit one number: no images, no network of ours."""
    target = torch.tensor([3.0, -1.0])
    x = {"x": torch.zeros(2)}
    losses = inner_loop(
        by_autograd(lambda parameters, goal: (parameters["x"] - goal).square()),
        x,
        {},
        [(target, torch.tensor([0.25, 0.25]))] * 20,
        SGD(),
    )
    torch.testing.assert_close(x["x"], target, atol=1e-4, rtol=0)
    assert losses[0].tolist() == [9.0, 1.0]


@pytest.mark.usefixtures("with_and_without_numba")
def test_adams_steps_are_bounded_where_asked() -> None:
    """A gradient 100 times what v has seen: 32 learning rates without a bound."""
    for bound, expected in ((None, 100 / (1e-3 * 1e4 + 0.999) ** 0.5), (2.0, 2.0)):
        x = {"x": torch.zeros(1, 1)}
        Adam(max_step=bound).step(x, {"x": torch.full((1, 1), 100.0)}, {"x": torch.ones(1, 1)}, torch.ones(1), 10**6)
        assert x["x"].item() == pytest.approx(-expected, rel=1e-4)
