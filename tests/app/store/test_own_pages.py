"""Models in memory have pages of their own, which go back to the system as a whole."""

from __future__ import annotations

import psutil
import pytest
import torch

from app.store.own_pages import WORTH_PAGES, in_own_pages
from models.parameters import Parameters

MiB = 2**20


def mixed(rows: int) -> Parameters:
    return {"a": torch.rand(rows, 7), "b": torch.rand(3).half(), "c": torch.randint(0, 100, (5, 1), dtype=torch.int8)}


@pytest.mark.parametrize("rows", [1, WORTH_PAGES])
def test_what_has_pages_of_its_own_is_the_same(rows: int) -> None:
    tensors = mixed(rows)
    copies = in_own_pages(tensors)
    assert copies.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert copies[name].dtype == tensor.dtype
        assert torch.equal(copies[name], tensor)
        assert copies[name].data_ptr() % copies[name].element_size() == 0


def test_what_has_pages_of_its_own_gives_them_back_when_its_last_tensor_goes() -> None:
    resident = psutil.Process().memory_info
    tensors = mixed(2**22)
    before = resident().rss
    copies = in_own_pages(tensors)
    last = copies.popitem()
    assert resident().rss - before > 100 * MiB
    del copies
    assert resident().rss - before > 100 * MiB
    del last
    assert resident().rss - before < 10 * MiB
