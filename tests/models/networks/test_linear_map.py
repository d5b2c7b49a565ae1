"""The linear map: what is kept of a change of low rank."""

from __future__ import annotations

import torch

from models.networks.linear_map import WEIGHT, LinearMap

MAP = LinearMap(size=48, rank=6)
THETA = {WEIGHT: torch.eye(48) + 0.01}


def test_a_change_of_low_rank_is_kept_to_8_bits() -> None:
    generator = torch.Generator().manual_seed(1)
    left, right = torch.randn(48, 5, generator=generator), torch.randn(5, 48, generator=generator)
    change = 0.02 * left @ right
    tensors = {WEIGHT: THETA[WEIGHT] + change, "head.weight": torch.randn(3, 48, generator=generator)}
    packed = MAP.pack(tensors, THETA)
    back = MAP.unpack(packed, THETA)
    assert back.keys() == tensors.keys()
    assert (back[WEIGHT] - tensors[WEIGHT]).norm() < 0.02 * change.norm()
    assert sum(tensor.nbytes for tensor in packed.values()) < 0.4 * 48 * 48


def test_of_a_change_of_higher_rank_the_largest_part_is_kept() -> None:
    change = torch.diag(torch.tensor([5.0] * 6 + [0.1] * 42))
    back = MAP.unpack(MAP.pack({WEIGHT: THETA[WEIGHT] + change}, THETA), THETA)
    assert (back[WEIGHT] - THETA[WEIGHT] - change).norm() < 1.05 * 0.1 * 42**0.5


def test_what_did_not_change_takes_no_room() -> None:
    packed = MAP.pack({WEIGHT: THETA[WEIGHT].clone()}, THETA)
    assert packed == {}
    assert torch.equal(MAP.unpack(packed, THETA)[WEIGHT], THETA[WEIGHT])
