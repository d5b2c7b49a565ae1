"""Memory freed at one inner step is there for the next."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

PAGE_FAULTS = """
import resource, torch
from models.allocator import keep_freed_memory
from models.architecture import Architecture
from models.conv4 import Conv4
from models.heads import ZeroHead
from models.inner_loop import by_autograd, inner_loop
from models.optimizers import Adam
from models.tasks import TaskBatch

torch.set_num_threads(1)
{tune}
architecture = Architecture(Conv4(channels=1, size=28), ZeroHead(), Adam())
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


def page_faults(tune: str) -> int:
    code = PAGE_FAULTS.format(tune=tune)
    return int(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="tunes glibc alone")
def test_freed_memory_is_not_faulted_in_again() -> None:
    assert page_faults("keep_freed_memory()") < page_faults("") / 5
