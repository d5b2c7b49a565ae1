"""The adaptable end of the encoder's network."""

from __future__ import annotations

from typing import Literal

import pytest
import torch

from meta_training.presets import PHOTO
from meta_training.training import start
from models.architecture import Architecture
from models.encoders.efficientnet_lite.encoder import EfficientNetLite
from models.encoders.efficientnet_lite.layers import blocks
from models.encoders.efficientnet_lite.plain import encode
from models.encoders.efficientnet_lite.pretrained import imagenet_weights
from models.inputs.image import ImageInput
from models.networks.conv4.network import Conv4
from models.networks.last_block import LastBlock, regions
from models.parameters import Parameters, stack


@pytest.fixture(scope="module")
def theta() -> Parameters:
    """ImageNet's weights, in float32."""
    architecture = Architecture(LastBlock(), PHOTO.head, PHOTO.inner.build(bounded=True))
    return start(architecture, PHOTO.encoder, seed=0)[0].parameters


def test_it_goes_on_where_the_encoder_ends(theta: Parameters) -> None:
    """Features of the whole network: the encoder with all blocks, then the last convolution, by torch's own layers."""
    images = torch.randint(0, 256, (2, 3, 224, 224), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    weights = {name: tensor.float() for name, tensor in imagenet_weights().items()}
    before = encode(weights, images, blocks(0)[: LastBlock().first])
    features, statistics = LastBlock()(stack(theta, 1), before.unsqueeze(0))
    places = encode(weights, images, blocks(0)).permute(0, 3, 1, 2)
    top = torch.nn.functional.conv2d(places, weights["top.weight"], weights["top.bias"]).clamp(0, 6)
    mean = (top.mean(dim=(2, 3)) + 3e-3).sqrt()
    expected = mean / mean.norm(dim=1, keepdim=True) / 2**0.5
    torch.testing.assert_close(features[0, :, :1280], expected, rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(features.norm(dim=2), torch.ones(1, 2))
    assert statistics == {}


def test_tasks_have_weights_of_their_own_and_images_do_not_touch_each_other(theta: Parameters) -> None:
    x = torch.rand(2, 3, 7, 7, 192, generator=torch.Generator().manual_seed(0))
    parameters = stack(theta, 2)
    for tensor in parameters.values():
        tensor[1] *= 0.9
    together, _ = LastBlock()(parameters, x)
    for task in range(2):
        own = {name: tensor[task : task + 1] for name, tensor in parameters.items()}
        alone, _ = LastBlock()(own, x[task : task + 1, 1:2])
        torch.testing.assert_close(together[task : task + 1, 1:2], alone, rtol=1e-4, atol=1e-5)


def test_a_step_on_a_photo_costs_five_of_those_on_a_drawing() -> None:
    """The service's limit of images × steps is counted in the latter."""
    assert LastBlock().cost == 5
    assert Conv4(channels=1, size=28).cost == 1


@pytest.mark.parametrize("variant", [0, 1, 2])
def test_a_variant_takes_what_its_encoder_gives(variant: Literal[0, 1, 2]) -> None:
    network = LastBlock(variant=variant, size=EfficientNetLite(variant=variant).size)
    encoder = EfficientNetLite(variant=variant, until=network.first)
    assert network.takes == encoder.output(ImageInput(channels=3, size=encoder.size))
    parameters = network.initialize(torch.Generator().manual_seed(0))
    assert {name: tuple(tensor.shape) for name, tensor in parameters.items()} == network.shapes()
    features, _ = network(stack(parameters, 1), torch.rand(1, 2, *network.takes))
    assert features.shape == (1, 2, network.features)


def test_quarters_of_an_odd_side_share_the_middle() -> None:
    whole, *quarters = regions(7, 7).view(5, 7, 7)
    torch.testing.assert_close(whole, torch.full((7, 7), 1 / 49))
    assert [(quarter > 0).sum().item() for quarter in quarters] == [16] * 4
    assert all(quarter[3, 3] > 0 for quarter in quarters)
    assert quarters[0][0, 0] > 0
    assert quarters[3][6, 6] > 0


def test_images_without_any_response_have_finite_gradients(theta: Parameters) -> None:
    parameters = {name: torch.zeros_like(tensor).unsqueeze(0).requires_grad_() for name, tensor in theta.items()}
    features, _ = LastBlock()(parameters, torch.rand(1, 2, 7, 7, 192))
    gradients = torch.autograd.grad(features.sum(), list(parameters.values()))
    assert all(gradient.isfinite().all() for gradient in gradients)
