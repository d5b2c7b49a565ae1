"""The engine batches like works, keeps failures apart, and holds its limits; Probe makes these moments last."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from app.engine.checkpoint_registry import CheckpointRegistry
from app.engine.engine import Engine
from app.engine.limits import BatchLimits, QueueLimits
from app.errors import NotReady, QueueFull
from app.settings import Settings
from tests.app.engine.probe import IMAGES, Probe, Start, behind_a_gate


def test_works_that_wait_run_as_one_batch(start: Start) -> None:
    assert asyncio.run(behind_a_gate(start(), [Probe()] * 5)) == [5] * 5


def test_a_batch_is_bounded_by_its_images_with_padding(start: Start) -> None:
    large = Probe(images=IMAGES.repeat(4, 1, 1, 1))
    assert asyncio.run(behind_a_gate(start(batch_images=16), [Probe()] * 5 + [large])) == [4, 4, 4, 4, 1, 1]


def test_a_work_larger_than_a_batch_runs_alone(start: Start) -> None:
    assert asyncio.run(behind_a_gate(start(batch_images=2), [Probe()] * 2)) == [1, 1]


def test_a_work_that_fails_does_not_fail_the_others_of_its_batch(start: Start) -> None:
    works = [Probe(poison=number == 2) for number in range(5)]
    results = asyncio.run(behind_a_gate(start(), works))
    assert [isinstance(result, ArithmeticError) for result in results] == [False, False, True, False, False]


def test_threads_share_a_batch(start: Start) -> None:
    assert asyncio.run(behind_a_gate(start(threads=2), [Probe()] * 5)) == [2, 2, 3, 3, 3]


def test_a_failure_in_one_share_is_of_one_work(start: Start) -> None:
    works = [Probe(poison=number == 4) for number in range(5)]
    results = asyncio.run(behind_a_gate(start(threads=2), works))
    assert isinstance(results[4], ArithmeticError)
    assert results[:2] == [2, 2], "the other share's are not computed again"
    assert all(isinstance(result, int) for result in results[2:4])


def test_the_engine_lives_on_after_a_failure(start: Start) -> None:
    async def run() -> None:
        engine = start()
        with pytest.raises(ArithmeticError):
            await engine.run(Probe(poison=True))
        assert (await engine.run(Probe())).value == 1

    asyncio.run(run())


def test_a_full_queue_refuses_at_once(start: Start) -> None:
    results = asyncio.run(behind_a_gate(start(max_queue=3), [Probe()] * 5))
    assert [isinstance(result, QueueFull) for result in results] == [False] * 3 + [True] * 2


def test_no_tenant_fills_the_queue_for_the_others(start: Start) -> None:
    engine = start(max_queue=5, max_queue_per_tenant=3)
    *waited, second, third = asyncio.run(behind_a_gate(engine, [Probe()] * 7, "aaabcad"))
    assert waited == [5] * 5
    assert (str(second), str(third)) == (
        "3 requests of yours are waiting already. Try again in a second.",
        "5 requests are waiting already. Try again in a second.",
    )


def test_the_engine_waits_a_little_for_works_in_preparation(start: Start) -> None:
    async def run() -> None:
        engine = start(patience_ms=500)
        with engine.expecting():
            begun = time.perf_counter()
            first = asyncio.create_task(engine.run(Probe()))
            await asyncio.sleep(0.05)
        second = asyncio.create_task(engine.run(Probe()))
        assert [(await each).value for each in (first, second)] == [2, 2]
        assert time.perf_counter() - begun < 0.4
        begun = time.perf_counter()
        assert (await engine.run(Probe())).value == 1
        assert time.perf_counter() - begun < 0.3

    asyncio.run(run())


def test_before_it_has_loaded_the_engine_takes_nothing() -> None:
    loading = threading.Event()
    settings = Settings()

    class SlowRegistry(CheckpointRegistry):
        def load(self) -> None:
            loading.wait(10)
            super().load()

    engine = Engine(SlowRegistry.of(settings), QueueLimits.of(settings), BatchLimits.of(settings))
    engine.start()
    with pytest.raises(NotReady, match="loading"):
        asyncio.run(engine.run(Probe()))
    loading.set()
    engine.close()
    with pytest.raises(NotReady, match="shutting down"):
        engine.require_ready()


def test_closing_finishes_what_waits(start: Start) -> None:
    async def run() -> None:
        engine, gate = start(), threading.Event()
        first = asyncio.create_task(engine.run(Probe(gate=gate)))
        await asyncio.sleep(0.1)
        second = asyncio.create_task(engine.run(Probe()))
        await asyncio.sleep(0.02)
        closing = asyncio.create_task(asyncio.to_thread(engine.close))
        await asyncio.sleep(0.02)
        with pytest.raises(NotReady):
            await engine.run(Probe())
        gate.set()
        assert (await first).value == (await second).value == 1
        await closing

    asyncio.run(run())


def test_works_may_come_from_many_event_loops(start: Start) -> None:
    engine = start()
    sizes: list[int] = []
    threads = [threading.Thread(target=lambda: sizes.append(asyncio.run(engine.run(Probe())).value)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(sizes) == 8
