"""Which works the engine runs as one batch: of the same kind, and of like cost."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence

import pytest

from app.engine.checkpoint_registry import CheckpointRegistry
from app.engine.engine import Engine
from app.engine.limits import BatchLimits, QueueLimits
from app.engine.state import State
from app.engine.work import AdaptWork
from app.settings import Settings
from models.initializations.adapted import Adaptation
from models.inner_loop import Observer
from models.learner import Learner
from models.tasks import Support
from tests.app.engine.test_engine import IMAGES, Probe
from tests.serving import wait_until


@pytest.fixture
def engine() -> Iterator[Engine]:
    """One that waits for all works that are expected."""
    settings = Settings(patience_ms=1000)
    engine = Engine(CheckpointRegistry.of(settings), QueueLimits.of(settings), BatchLimits.of(settings))
    engine.start()
    wait_until(lambda: engine.state is not State.LOADING)
    yield engine
    engine.close()


def adapt_work(steps: int, times: int = 1) -> AdaptWork:
    return AdaptWork(
        checkpoint="omniglot",
        images=IMAGES.repeat(times, 1, 1, 1),
        labels=[0, 1, 0, 1] * times,
        ways=2,
        steps=steps,
        learning_rate=1e-3,
    )


def test_works_of_other_kinds_run_apart(engine: Engine) -> None:
    async def run() -> None:
        with engine.expecting():
            adapts = [asyncio.create_task(engine.run(adapt_work(steps))) for steps in (2, 3)]
            probe = asyncio.create_task(engine.run(Probe()))
            await asyncio.sleep(0.02)
        assert [len(done.value.losses) for done in await asyncio.gather(*adapts)] == [3, 4]
        assert (await probe).value == 1

    asyncio.run(run())


class Recorder(Learner):
    """Notes of every batch: its tasks, and the steps × images, with padding, that each of them pays."""

    def __init__(self, other: Learner) -> None:
        super().__init__(other.checkpoint, other.device)
        self.batches: list[tuple[int, int]] = []

    def adapt(self, supports: Sequence[Support], observe: Observer | None = None) -> list[Adaptation]:
        cost = max(support.steps for support in supports) * max(len(support.labels) for support in supports)
        self.batches.append((len(supports), cost))
        return super().adapt(supports, observe)


def test_no_work_pays_for_a_neighbours_steps_or_images(engine: Engine) -> None:
    async def run() -> None:
        learner = Recorder(engine.checkpoints.learners["omniglot"])
        engine.checkpoints.learners["omniglot"] = learner
        works = [adapt_work(1), adapt_work(40), adapt_work(1, times=5), adapt_work(1)]
        with engine.expecting():  # they wait for each other
            results = [asyncio.create_task(engine.run(work)) for work in works]
            await asyncio.sleep(0.02)
        assert [len(done.value.losses) for done in await asyncio.gather(*results)] == [2, 41, 2, 2]
        assert sorted(learner.batches) == [(1, 20), (1, 160), (2, 4)]

    asyncio.run(run())
