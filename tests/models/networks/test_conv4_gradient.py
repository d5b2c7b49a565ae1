"""The compiled gradient of a Conv4's loss against autograd's, also where what it was bound to is no longer there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from models.architecture import Architecture
from models.heads.dense import DenseHead
from models.inner_loop import Gradient, by_autograd
from models.kernels import compilation
from models.networks.conv4.network import Conv4
from models.optimizers import SGD
from models.parameters import Parameters, stack
from models.tasks import PADDING, TaskBatch

pytestmark = pytest.mark.skipif(not compilation.AVAILABLE, reason="numba is not installed")

TASKS, IMAGES, WAYS = 3, 6, 3
STRIDED = Conv4(channels=1, size=28, filters=8)
POOLED = Conv4(channels=2, size=12, filters=4, pool=True)


def architecture(network: Conv4) -> Architecture:
    return Architecture(network, DenseHead(ways=WAYS), SGD())


def drawn(network: Conv4, images: int = IMAGES, seed: int = 0) -> TaskBatch:
    """Noise as images in double precision; the second task has one image less, the third one class less."""
    generator = torch.Generator().manual_seed(seed)
    shape = TASKS, images, network.size, network.size, network.channels
    labels = torch.arange(images).remainder(WAYS).repeat(TASKS, 1)
    labels[1, -1] = PADDING
    labels[2] = labels[2].clamp_max(WAYS - 2)
    x = torch.rand(shape, generator=generator, dtype=torch.double)
    return TaskBatch(x, labels, torch.tensor([WAYS, WAYS, WAYS - 1]))


def stacked(network: Conv4, seed: int = 0) -> Parameters:
    return stack(architecture(network).initialize(seed).to(torch.double).parameters, TASKS)


def compiled_gradient(network: Conv4) -> Gradient[TaskBatch]:
    gradient = network.gradient(torch.device("cpu"))
    assert gradient is not None
    return gradient


def assert_as_autograd(gradient: Gradient[TaskBatch], network: Conv4, parameters: Parameters, batch: TaskBatch) -> None:
    losses, gradients = gradient(parameters, batch)
    expected_losses, expected = by_autograd(architecture(network).loss)(parameters, batch)
    torch.testing.assert_close(losses, expected_losses)
    assert gradients.keys() == expected.keys()
    for name, tensor in expected.items():
        torch.testing.assert_close(gradients[name], tensor, msg=lambda text, name=name: f"{name}: {text}")


@pytest.mark.parametrize("network", [STRIDED, POOLED], ids=["strided", "pooled"])
def test_loss_and_gradients_are_autograds(network: Conv4) -> None:
    assert_as_autograd(compiled_gradient(network), network, stacked(network), drawn(network))


def replaced_tensor(parameters: Parameters) -> Parameters:
    parameters["conv2.weight"] = parameters["conv2.weight"] * 0.5
    return parameters


def replaced_head(parameters: Parameters) -> Parameters:
    parameters["head.weight"] = parameters["head.weight"].flip(1)
    return parameters


def other_dictionary(parameters: Parameters) -> Parameters:
    return stacked(STRIDED, seed=len(parameters))


def other_strides(parameters: Parameters) -> Parameters:
    """The same memory, read in another order."""
    weight = parameters["conv2.weight"]
    parameters["conv2.weight"] = weight.view(len(weight), weight.shape[2], weight.shape[1]).mT
    return parameters


def stepped_in_place(parameters: Parameters) -> Parameters:
    for tensor in parameters.values():
        tensor.mul_(0.9)
    return parameters


def other_data(parameters: Parameters) -> Parameters:
    parameters["conv1.gamma"].data = parameters["conv1.gamma"] + 1
    return parameters


CHANGES = [replaced_tensor, replaced_head, other_dictionary, other_strides, stepped_in_place, other_data]


@pytest.mark.parametrize("change", CHANGES)
def test_the_gradient_is_that_of_what_the_dictionary_holds_now(change: Callable[[Parameters], Parameters]) -> None:
    gradient, parameters, batch = compiled_gradient(STRIDED), stacked(STRIDED), drawn(STRIDED)
    gradient(parameters, batch)
    assert_as_autograd(gradient, STRIDED, change(parameters), batch)


@pytest.mark.parametrize("images", [IMAGES, IMAGES - 2, IMAGES + 3])
def test_another_batch_gives_its_own_gradient(images: int) -> None:
    gradient, parameters = compiled_gradient(STRIDED), stacked(STRIDED)
    gradient(parameters, drawn(STRIDED))
    assert_as_autograd(gradient, STRIDED, parameters, drawn(STRIDED, images, seed=1))


def test_other_labels_and_ways_give_their_own_gradient() -> None:
    gradient, parameters, batch = compiled_gradient(STRIDED), stacked(STRIDED), drawn(STRIDED)
    gradient(parameters, batch)
    labels = batch.labels.clone()
    labels[0, 3:] = PADDING
    other = replace(batch, labels=labels.flip(1), ways=torch.tensor([WAYS, WAYS, WAYS]))
    assert_as_autograd(gradient, STRIDED, parameters, other)


def test_another_precision_is_kept() -> None:
    gradient, parameters, batch = compiled_gradient(STRIDED), stacked(STRIDED), drawn(STRIDED)
    gradient(parameters, batch)
    single = {name: tensor.float() for name, tensor in parameters.items()}
    losses, gradients = gradient(single, replace(batch, x=batch.x.float()))
    assert {losses.dtype, *(tensor.dtype for tensor in gradients.values())} == {torch.float}


def test_steps_in_place_use_the_same_memory_again() -> None:
    gradient, parameters = compiled_gradient(STRIDED), stacked(STRIDED)
    _, first = gradient(parameters, drawn(STRIDED))
    stepped_in_place(parameters)
    _, second = gradient(dict(parameters), drawn(STRIDED, seed=1))
    assert all(second[name].data_ptr() == tensor.data_ptr() for name, tensor in first.items())
    _, third = gradient(replaced_tensor(parameters), drawn(STRIDED))
    assert all(third[name].data_ptr() != tensor.data_ptr() for name, tensor in first.items())


def test_tasks_that_do_not_fit_the_cache_together_go_through_in_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.networks.conv4.gradient.GROUP_BYTES", 1)
    assert_as_autograd(compiled_gradient(STRIDED), STRIDED, stacked(STRIDED), drawn(STRIDED))
