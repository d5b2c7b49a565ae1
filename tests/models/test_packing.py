"""Adapted weights in a quarter of their size."""

from __future__ import annotations

import torch

from models.packing import pack, unpack


def test_weights_come_back_within_half_a_step_of_their_largest_change() -> None:
    generator = torch.Generator().manual_seed(0)
    theta = {"a.weight": torch.randn(30, 40, generator=generator), "still": torch.ones(3)}
    moved = theta["a.weight"] + 1e-3 * torch.randn(30, 40, generator=generator)
    parameters = {"a.weight": moved, "still": torch.ones(3), "head.weight": torch.randn(5, 8, generator=generator)}
    packed = pack(parameters, theta)
    back = unpack(packed, theta)
    largest = (moved - theta["a.weight"]).abs().max()
    assert (back["a.weight"] - moved).abs().max() <= largest / 254 + 1e-6
    assert torch.equal(back["still"], theta["still"])
    torch.testing.assert_close(back["head.weight"], parameters["head.weight"], rtol=1e-3, atol=1e-3)
    assert packed["change.a.weight"].dtype == torch.int8
    assert packed["head.weight"].dtype == torch.float16
