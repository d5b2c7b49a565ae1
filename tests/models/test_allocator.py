"""Memory freed at one inner step is there for the next, and what stays for long goes as a whole."""

from __future__ import annotations

import subprocess
import sys

import psutil
import pytest
import torch

from models.allocator import GLIBC, WORTH_PAGES, MiB, in_own_pages
from models.parameters import Parameters

PAGE_FAULTS = """
import resource, torch
from models.allocator import keep_freed_memory
from models.architecture import Architecture
from models.networks.conv4.network import Conv4
from models.heads.prototype import PrototypeHead
from models.inner_loop import by_autograd, inner_loop
from models.optimizers import Adam
from models.tasks import TaskBatch

torch.set_num_threads(1)
{tune}
architecture = Architecture(Conv4(channels=1, size=28), PrototypeHead(), Adam())
batch = TaskBatch(torch.rand(5, 10, 28, 28, 1), torch.arange(10).expand(5, 10), torch.full((5,), 10))
phi, moments = architecture.start(architecture.initialize(seed=0), batch)

def steps():
    inner_loop(by_autograd(architecture.loss), phi, moments, [(batch, torch.full((5,), 1e-3))] * 10, Adam())

for _ in range(3):
    steps()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(3):
    steps()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""

SCATTERED = """
import psutil, torch
from models.allocator import give_back_freed_memory, keep_freed_memory

keep_freed_memory()
blocks = [torch.ones(16_000) for _ in range(4000)]
del blocks[::2]
before = psutil.Process().memory_info().rss
give_back_freed_memory()
print(before - psutil.Process().memory_info().rss)
"""
of_glibc = pytest.mark.skipif(not GLIBC, reason="tunes glibc alone")


def run(code: str) -> int:
    return int(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)


def page_faults(tune: str) -> int:
    return run(PAGE_FAULTS.format(tune=tune))


@of_glibc
def test_freed_memory_is_not_faulted_in_again() -> None:
    assert page_faults("keep_freed_memory()") < page_faults("") / 5


@of_glibc
def test_what_lies_scattered_can_be_given_back() -> None:
    assert run(SCATTERED) > 2000 * 16_000 * 4 * 0.9


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
