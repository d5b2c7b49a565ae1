"""Memory freed at a step is there for the next."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

PAGE_FAULTS = """
import resource, torch
from models.allocator import keep_freed_memory
{tune}
def step():
    torch.ones(4, 2**20)
step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(50):
    step()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def page_faults(tune: str) -> int:
    code = PAGE_FAULTS.format(tune=tune)
    return int(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="tunes glibc alone")
def test_freed_memory_is_not_faulted_in_again() -> None:
    assert page_faults("keep_freed_memory()") < page_faults("") / 10
