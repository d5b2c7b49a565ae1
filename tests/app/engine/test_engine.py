"""The engine batches like works, keeps failures apart, and holds its limits; Probe makes these moments last."""

from __future__ import annotations

import asyncio
import resource
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

import pytest
import torch
from torch import Tensor

from app.engine.checkpoint_registry import CheckpointRegistry
from app.engine.engine import Engine
from app.engine.limits import BatchLimits, QueueLimits
from app.engine.state import State
from app.engine.work import AdaptWork, Work
from app.errors import ComputeTimeout, NotReady, OutOfMemory, QueueFull, QueueTimeout
from app.settings import Settings
from app.threads import Cancellation
from models.learner import Learner
from tests.serving import wait_until

IMAGES = torch.randint(0, 256, (4, 1, 28, 28), dtype=torch.uint8)
Start = Callable[..., Engine]


@dataclass(frozen=True, kw_only=True)
class Probe(Work[int]):
    """Answers the size of the batch it ran in; may take its time, and may fail."""

    checkpoint: str = "omniglot"
    images: Tensor = field(default_factory=lambda: IMAGES)
    gate: threading.Event | None = None
    hunger: int = 0  # bytes
    poison: bool = False

    @property
    def passes(self) -> int:
        return 100  # so much that threads share it

    @classmethod
    def run(
        cls, learner: Learner, batch: Sequence[Self], features: Sequence[Tensor], cancellation: Cancellation
    ) -> list[int]:
        assert [len(each) for each in features] == [len(work.images) for work in batch]
        for work in batch:
            if work.gate:
                work.gate.wait(10)
        torch.ones(sum(work.hunger for work in batch), dtype=torch.uint8)
        for work in batch:
            if work.poison:
                raise ArithmeticError("poison")
        return [len(batch)] * len(batch)


@dataclass
class Noted:
    """Progress that notes, at its place, the last step it was told of."""

    steps: list[int]
    place: int

    def step(self, step: int, steps: int, loss: float) -> None:
        self.steps[self.place] = step


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts engines of one thread, ready ones unless told not to wait, and ends them."""
    engines: list[Engine] = []

    def start(wait: bool = True, **settings: object) -> Engine:
        chosen = Settings.model_validate({"threads": 1} | settings)
        engines.append(Engine(CheckpointRegistry.of(chosen), QueueLimits.of(chosen), BatchLimits.of(chosen)))
        engines[-1].start()
        wait_until(lambda: not wait or engines[-1].state is not State.LOADING)
        return engines[-1]

    yield start
    for engine in engines:
        engine.close()


async def behind_a_gate(
    engine: Engine, works: Sequence[Work[int]], tenants: Sequence[str] = ()
) -> list[int | BaseException]:
    """The results of works that all wait while the engine is held up."""
    gate = threading.Event()
    first = asyncio.create_task(engine.run(Probe(gate=gate)))
    await asyncio.sleep(0.1)
    whose = tenants or [""] * len(works)
    others = [asyncio.create_task(engine.run(work, tenant)) for work, tenant in zip(works, whose, strict=True)]
    await asyncio.sleep(0.05)
    gate.set()
    await first
    results = await asyncio.gather(*others, return_exceptions=True)
    return [result if isinstance(result, BaseException) else result.value for result in results]


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
        with pytest.raises(ComputeTimeout, match=r"0\.3 s"):
            await long
        gate.set()
        assert (await engine.run(Probe())).value == 1

    asyncio.run(run())


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
    with room_for(megabytes=350):
        results = asyncio.run(behind_a_gate(engine, [Probe(hunger=100 * 2**20)] * 8))
    assert results == [2] * 8


@linux
def test_a_work_too_large_by_itself_is_told_so_and_the_engine_lives_on(start: Start) -> None:
    engine = start()
    with room_for(megabytes=350):
        (result,) = asyncio.run(behind_a_gate(engine, [Probe(hunger=1000 * 2**20)]))
    assert isinstance(result, OutOfMemory)
    assert (result.status, "4 images" in result.detail) == (503, True)
    assert asyncio.run(engine.run(Probe())).value == 1


def long_work() -> AdaptWork:
    """Some minutes, if nobody ends it."""
    return AdaptWork(
        checkpoint="omniglot", images=IMAGES, labels=[0, 1, 0, 1], ways=2, steps=100_000, learning_rate=1e-4
    )


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
