"""Works that nobody waits for, or that take too long, end, and the engine lives on."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass, replace

import pytest

from app.engine.work import AdaptWork
from app.errors import ComputeTimeout, QueueTimeout
from tests.app.engine.probe import IMAGES, Probe, Start


@dataclass
class Noted:
    """Progress that notes, at its place, the last step it was told of."""

    steps: list[int]
    place: int

    def step(self, step: int, steps: int, loss: float) -> None:
        self.steps[self.place] = step


def long_work() -> AdaptWork:
    """Some minutes, if nobody ends it."""
    return AdaptWork(
        checkpoint="omniglot", images=IMAGES, labels=[0, 1, 0, 1], ways=2, steps=100_000, learning_rate=1e-4
    )


def test_a_share_that_nobody_waits_for_ends_and_the_other_goes_on(start: Start) -> None:
    async def run() -> None:
        engine, gate, told = start(threads=2), threading.Event(), [0, 0]

        first = asyncio.create_task(engine.run(Probe(gate=gate)))
        await asyncio.sleep(0.1)
        works = [replace(long_work(), progress=Noted(told, number)) for number in range(2)]
        gone, kept = (asyncio.create_task(engine.run(work)) for work in works)
        await asyncio.sleep(0.05)
        gate.set()
        await first
        await asyncio.sleep(0.5)
        gone.cancel()
        await asyncio.sleep(0.2)
        reached = list(told)
        await asyncio.sleep(0.3)
        assert told[0] == reached[0] > 0
        assert told[1] > reached[1]
        kept.cancel()
        assert (await asyncio.wait_for(engine.run(Probe()), 5)).value == 1

    asyncio.run(run())


def test_a_cancelled_work_costs_nothing_and_frees_its_place(start: Start) -> None:
    async def run() -> None:
        engine, gate = start(max_queue=1), threading.Event()
        first = asyncio.create_task(engine.run(Probe(gate=gate)))
        await asyncio.sleep(0.1)
        gone = asyncio.create_task(engine.run(Probe(poison=True)))
        await asyncio.sleep(0.02)
        gone.cancel()
        await asyncio.sleep(0.02)
        other = asyncio.create_task(engine.run(Probe()))
        await asyncio.sleep(0.02)
        gate.set()
        assert (await first).value == 1
        assert (await other).value == 1
        assert gone.cancelled()

    asyncio.run(run())


def test_waiting_and_computing_have_limits_of_their_own(start: Start) -> None:
    async def run() -> None:
        engine, gate = start(queue_seconds=0.1, compute_seconds=0.3), threading.Event()
        long = asyncio.create_task(engine.run(Probe(gate=gate)))
        await asyncio.sleep(0.05)
        with pytest.raises(QueueTimeout, match=r"0\.1 s"):
            await engine.run(Probe())
        with pytest.raises(ComputeTimeout, match=r"0\.3 s.*Send fewer images\.$"):
            await long
        gate.set()
        assert (await engine.run(Probe())).value == 1

    asyncio.run(run())


def test_a_work_cancelled_while_the_engine_waits_for_others_leaves_it_alive(start: Start) -> None:
    async def run() -> None:
        engine = start(patience_ms=100)
        with engine.expecting():
            gone = asyncio.create_task(engine.run(Probe()))
            await asyncio.sleep(0.03)
            gone.cancel()
            await asyncio.sleep(0.2)
        assert (await engine.run(Probe())).value == 1

    asyncio.run(run())


def test_a_work_whose_event_loop_is_closed_leaves_the_engine_alive(start: Start) -> None:
    engine, gate = start(compute_seconds=0.5), threading.Event()
    with pytest.raises(ComputeTimeout):
        asyncio.run(engine.run(Probe(gate=gate)))
    gate.set()
    assert asyncio.run(engine.run(Probe())).value == 1


def test_a_computation_that_nobody_waits_for_ends_between_steps(start: Start) -> None:
    async def run() -> None:
        engine = start(patience_ms=1000)
        with engine.expecting():
            gone = [asyncio.create_task(engine.run(long_work())) for _ in range(2)]
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.3)
        gone[0].cancel()
        after = asyncio.create_task(engine.run(Probe()))
        await asyncio.sleep(0.3)
        assert not after.done()  # the other is still waited for
        gone[1].cancel()
        assert (await asyncio.wait_for(after, 5)).value == 1

    asyncio.run(run())


def test_a_computation_beyond_its_limit_ends(start: Start) -> None:
    async def run() -> None:
        engine = start(compute_seconds=0.3)
        with pytest.raises(ComputeTimeout):
            await engine.run(long_work())
        assert (await asyncio.wait_for(engine.run(Probe()), 5)).value == 1

    asyncio.run(run())
