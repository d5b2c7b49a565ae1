"""Whose turn it is: tenants share the engine, whatever each of them has waiting."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from app.engine.fair_queue import FairQueue
from app.engine.jobs import Job
from app.engine.limits import BatchLimits
from app.settings import Settings
from tests.app.engine.test_engine import IMAGES, Probe

PER_IMAGE = 1000  # bytes


def waiting(tenants: str, images: int = 1, **settings: object) -> FairQueue:
    """A job for each letter, of the tenant with this name; "." is nobody."""
    limits = BatchLimits.of(Settings.model_validate(settings))
    queue = FairQueue(limits, lambda _, tasks, images: tasks * images * PER_IMAGE)
    for each in tenants:
        queue.add(Job(Probe(images=IMAGES[:1].repeat(images, 1, 1, 1)), each.strip(".")))
    return queue


def batches(queue: FairQueue) -> list[str]:
    """The tenants of each batch, until none waits."""
    found = []
    while batch := queue.take():
        found.append("".join(job.tenant or "." for job in batch))
    return found


def within_a_loop(check: Callable[[], None]) -> None:
    async def run() -> None:
        check()

    asyncio.run(run())


def test_a_tenant_with_hundreds_waiting_does_not_hold_up_one_with_a_few() -> None:
    def check() -> None:
        assert batches(waiting("a" * 500 + "bb", batch_images=4))[:3] == ["abab", "aaaa", "aaaa"]
        assert batches(waiting("a" * 500 + "bc", batch_images=1))[:5] == ["a", "b", "c", "a", "a"]

    within_a_loop(check)


def test_tenants_who_were_served_stand_behind_those_who_were_not() -> None:
    def check() -> None:
        assert batches(waiting("aaabbbccc", batch_images=2)) == ["ab", "ca", "bc", "ab", "c"]

    within_a_loop(check)


def test_jobs_without_tenants_run_in_the_order_they_came() -> None:
    def check() -> None:
        queue = waiting("", batch_images=2)
        jobs = [Job(Probe()) for _ in range(3)]
        for job in jobs:
            queue.add(job)
        taken = [queue.take() for _ in jobs]
        assert taken == [[job] for job in jobs]

    within_a_loop(check)


def test_a_batch_is_bounded_by_its_bytes_with_padding() -> None:
    def check() -> None:
        queue = waiting("....", images=2, batch_bytes=6 * PER_IMAGE)
        queue.add(Job(Probe(images=IMAGES)))
        assert [len(batch) for batch in iter(queue.take, [])] == [3, 1, 1]

    within_a_loop(check)


def test_the_queue_tells_how_many_of_each_tenant_wait() -> None:
    def check() -> None:
        assert waiting("aab").tenants == {"a": 2, "b": 1}

    within_a_loop(check)


def test_a_job_removed_leaves_no_trace() -> None:
    def check() -> None:
        queue = waiting("a")
        job = Job(Probe(), "b")
        queue.add(job)
        queue.remove(job)
        queue.remove(job)
        assert (len(queue), batches(queue)) == (1, ["a"])

    within_a_loop(check)
