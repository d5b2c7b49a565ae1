"""The adaptable layer after a frozen encoder."""

from __future__ import annotations

import torch

from models.projection import Projection, regions


def test_quarters_of_an_odd_side_share_the_middle() -> None:
    whole, *quarters = regions(7, 7).view(5, 7, 7)
    torch.testing.assert_close(whole, torch.full((7, 7), 1 / 49))
    assert [(quarter > 0).sum().item() for quarter in quarters] == [16] * 4
    assert all(quarter[3, 3] > 0 for quarter in quarters)
    assert quarters[0][0, 0] > 0
    assert quarters[3][6, 6] > 0


def test_features_have_length_1_and_no_image_changes_anothers() -> None:
    network = Projection(inputs=8, outputs=16)
    generator = torch.Generator().manual_seed(0)
    parameters = {name: tensor.unsqueeze(0) for name, tensor in network.initialize(generator).items()}
    x = torch.rand(1, 3, 7, 7, 8, generator=generator)
    features, statistics = network(parameters, x)
    assert features.shape == (1, 3, network.features)
    torch.testing.assert_close(features.norm(dim=2), torch.ones(1, 3))
    torch.testing.assert_close(network(parameters, x[:, 1:2])[0], features[:, 1:2])
    assert statistics == {}


def test_an_image_without_any_response_has_finite_gradients() -> None:
    network = Projection(inputs=8, outputs=16)
    parameters = {"top.weight": torch.zeros(1, 8, 16, requires_grad=True), "top.bias": torch.full((1, 1, 16), -1.0)}
    features, _ = network(parameters, torch.rand(1, 2, 7, 7, 8))
    (gradient,) = torch.autograd.grad(features.sum(), parameters["top.weight"])
    assert gradient.isfinite().all()
