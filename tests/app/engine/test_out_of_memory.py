"""What memory has no room for runs in smaller batches, or is told so."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.errors import OutOfMemory
from tests.app.engine.probe import Probe, Start, behind_a_gate


@contextmanager
def room_for(megabytes: int) -> Iterator[None]:
    """This process may take so much more memory, and no more."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + megabytes * 2**20, hard))
    yield
    resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


linux = pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux's limit of memory")


@linux
def test_a_batch_that_memory_has_no_room_for_runs_by_halves(start: Start) -> None:
    engine = start()
    with room_for(megabytes=500):
        results = asyncio.run(behind_a_gate(engine, [Probe(hunger=150 * 2**20)] * 8))
    assert results == [2] * 8


@linux
def test_a_work_too_large_by_itself_is_told_so_and_the_engine_lives_on(start: Start) -> None:
    engine = start()
    with room_for(megabytes=500):
        (result,) = asyncio.run(behind_a_gate(engine, [Probe(hunger=1000 * 2**20)]))
    assert isinstance(result, OutOfMemory)
    assert (result.status, "4 images" in result.detail) == (503, True)
    assert asyncio.run(engine.run(Probe())).value == 1
