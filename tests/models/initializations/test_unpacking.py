"""Models that are used again are not unpacked again."""

from __future__ import annotations

import torch

from models.initializations.adapted import Adapted
from models.initializations.unpacking import KEPT, Unpacker
from models.networks.last_block import LastBlock

NETWORK = LastBlock(size=32)
THETA = NETWORK.initialize(torch.Generator().manual_seed(0))


def model(change: float) -> Adapted:
    """One that differs from theta by this much everywhere."""
    moved = {name: tensor + change for name, tensor in THETA.items()}
    return Adapted(NETWORK.pack(moved | {"head.bias": torch.zeros(2)}, THETA))


def test_what_is_unpacked_is_the_model_and_stays_until_others_are_used() -> None:
    unpack = Unpacker(NETWORK, THETA, None)
    first, *others = [model(place / 10) for place in range(KEPT + 1)]
    found = unpack(first)
    torch.testing.assert_close(found.origin, THETA)
    for place, other in enumerate(others, 1):
        name, tensor = next(iter(unpack(other).tensors.items()))
        torch.testing.assert_close(tensor, THETA[name] + place / 10)
    assert unpack(others[0]) is unpack(others[0])
    assert unpack(first) is not found
    torch.testing.assert_close(unpack(first).tensors, found.tensors)
