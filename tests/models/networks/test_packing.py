"""Adapted weights in a quarter of their size."""

from __future__ import annotations

import torch

from models.checkpoint import SHIPPED, load_checkpoint
from models.learner import Learner
from models.networks.packing import pack, unpack
from models.tasks import Support


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
    assert packed["change.a.weight"].dtype == torch.int8


def test_a_row_of_a_head_comes_back_within_half_a_step_of_its_largest_number() -> None:
    head = torch.tensor([[1.0], [100.0], [0.0]]) * torch.randn(3, 8, generator=torch.Generator().manual_seed(0))
    packed = pack({"head.weight": head, "head.bias": torch.ones(3)}, {})
    back = unpack(packed, {})["head.weight"]
    assert ((back - head).abs() <= head.abs().amax(dim=1, keepdim=True) / 254 + 1e-6).all()
    assert packed["rows.head.weight"].dtype == torch.int8
    assert packed["head.bias"].dtype == torch.float16


def test_coarse_numbers_take_half_a_byte_and_come_back_within_half_a_fifteenth() -> None:
    means = torch.rand(3, 8, generator=torch.Generator().manual_seed(0))
    packed = pack({"means": means}, {}, coarse=("means",))
    back = unpack(packed, {})["means"]
    assert packed["pairs.means"].nbytes == means.numel() // 2
    assert ((back - means).abs() <= means.amax(dim=1, keepdim=True) / 30 + 1e-6).all()


def test_models_kept_in_half_precision_can_still_be_read() -> None:
    assert torch.equal(unpack({"head.weight": torch.ones(2, 3).half()}, {})["head.weight"], torch.ones(2, 3))


def test_a_model_of_photographs_with_100_classes_takes_2_megabytes_at_most() -> None:
    learner = Learner(load_checkpoint(SHIPPED / "photo.safetensors"), torch.device("cpu"))
    side = torch.rand(100, *learner.architecture.network.takes)
    (made,) = learner.adapt([Support(side, torch.arange(100), ways=100, steps=0, learning_rate=1e-3)])
    assert sum(tensor.nbytes for tensor in made.adapted.tensors.values()) <= 2e6
