"""Encoders side by side, a network that adapts no more among them, and the network beside it."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from models.encoders.efficientnet_lite.encoder import EfficientNetLite
from models.encoders.frozen_network import FrozenNetwork
from models.encoders.interface import Encode
from models.encoders.side_by_side import SideBySide
from models.inputs.image import ImageInput
from models.networks.beside import Beside
from models.networks.last_block import LastBlock
from models.parameters import Parameters, move, stack, under

CPU = torch.device("cpu")
SIZE = 64
SOURCE = ImageInput(channels=3, size=SIZE, fit="crop")
OWN = LastBlock(size=SIZE)
FIRST = EfficientNetLite(size=SIZE, until=OWN.first)
FROZEN = FrozenNetwork(encoder=FIRST, network=OWN)
BOTH = SideBySide(encoders=(FIRST, FROZEN))
NETWORK = Beside(network=OWN, fixed=FROZEN.network.features)


@pytest.fixture(scope="module")
def weights() -> Parameters:
    return BOTH.pretrained()


@pytest.fixture
def images() -> Tensor:
    torch.manual_seed(0)
    coarse = torch.rand(5, 3, 8, 8)
    smooth = torch.nn.functional.interpolate(coarse, size=(SIZE, SIZE), mode="bilinear")
    return (255 * smooth).to(torch.uint8)


def by_torch(weights: Parameters) -> Encode:
    """As on a device that ONNX Runtime doesn't serve: each encoder's torch path, put together by hand."""
    first, blocks = (FIRST.by_torch(under(prefix, weights), CPU) for prefix in ("0.", "1.encoder."))
    theta = stack(move(under("1.network.", weights), torch.float32), 1)

    def encode(images: Tensor) -> Tensor:
        features, _ = OWN(theta, blocks(images)[None])
        return torch.cat([first(images).flatten(start_dim=1), features[0]], dim=1)

    return encode


def test_what_they_give_is_laid_end_to_end(weights: Parameters, images: Tensor) -> None:
    found = BOTH.build(weights, SOURCE, CPU, threads=1)(images)
    assert found.shape == (5, *BOTH.output(SOURCE)) == (5, *NETWORK.takes)
    torch.testing.assert_close(found, by_torch(weights)(images), rtol=1e-3, atol=1e-3)


def test_their_weights_are_named_after_their_places(weights: Parameters) -> None:
    named = BOTH.weights()
    assert {name: (tuple(tensor.shape), tensor.dtype) for name, tensor in weights.items()} == dict(named)
    assert {name.split(".")[0] for name in named} == {"0", "1"}


def test_elsewhere_than_on_a_cpu_the_result_is_on_the_device(weights: Parameters) -> None:
    encode = BOTH.build(weights, SOURCE, torch.device("meta"), threads=1)
    found = encode(torch.zeros(2, 3, SIZE, SIZE, dtype=torch.uint8))
    assert (found.device.type, found.shape) == ("meta", (2, *NETWORK.takes))


def test_a_network_beside_fixed_features_adapts_by_its_own_part_alone(weights: Parameters, images: Tensor) -> None:
    x = BOTH.build(weights, SOURCE, CPU, threads=1)(images)
    theta = stack(NETWORK.pretrained(), 2)
    features, _ = NETWORK(theta, torch.stack([x, x]))
    own, _ = OWN(theta, x[:, : -NETWORK.fixed].reshape(5, *OWN.takes).expand(2, -1, -1, -1, -1))
    half = 0.5**0.5
    torch.testing.assert_close(features[..., : OWN.features], half * own)
    torch.testing.assert_close(features[1, :, OWN.features :], half * x[:, -NETWORK.fixed :])
    assert NETWORK.shapes() == OWN.shapes()


def test_what_an_example_looks_like_is_told_by_its_own_part(weights: Parameters, images: Tensor) -> None:
    x = BOTH.build(weights, SOURCE, CPU, threads=1)(images)
    own = x[:, : -NETWORK.fixed].reshape(5, *OWN.takes)
    torch.testing.assert_close(NETWORK.summarize(x), OWN.summarize(own))
    assert NETWORK.summary == OWN.summary == 192


def test_a_network_that_does_not_fit_its_encoder_is_refused() -> None:
    wrong = FrozenNetwork(encoder=EfficientNetLite(size=SIZE, until=9), network=LastBlock(size=SIZE))
    with pytest.raises(ValueError, match="network last-block takes"):
        wrong.output(SOURCE)
