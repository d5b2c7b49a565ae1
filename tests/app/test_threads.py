"""Worker threads are as many as they are said to be, whoever goes away meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextvars import ContextVar
from threading import Event

import pytest

from app.threads import Cancellation, Cancelled, NoThreadFree, Workers
from tests.serving import wait_until

caller: ContextVar[str] = ContextVar("caller")


@pytest.fixture
def may_end() -> Iterator[Event]:
    event = Event()
    yield event
    event.set()


def test_a_thread_whose_caller_has_gone_is_taken_until_it_ends(may_end: Event) -> None:
    begun, told, second_begun = Event(), Event(), Event()

    def first(cancellation: Cancellation) -> None:
        begun.set()
        wait_until(lambda: cancellation.requested, 10)
        told.set()
        may_end.wait(10)

    def second() -> str:
        second_begun.set()
        return "done"

    async def call(workers: Workers) -> None:
        with Cancellation() as cancellation:
            await workers.run(first, cancellation)

    async def scenario() -> None:
        workers = Workers(1, "test")
        leaving = asyncio.create_task(call(workers))
        await asyncio.to_thread(begun.wait, 10)
        leaving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leaving
        assert await asyncio.to_thread(told.wait, 10)
        waiting = asyncio.create_task(workers.run(second))
        assert not await asyncio.to_thread(second_begun.wait, 0.2)
        may_end.set()
        assert await waiting == "done"
        workers.close()

    asyncio.run(scenario())


def test_a_call_that_waits_for_a_thread_is_never_made_once_its_caller_has_gone(may_end: Event) -> None:
    begun = Event()

    async def scenario() -> None:
        workers = Workers(1, "test", wait_seconds=10)
        busy = asyncio.create_task(workers.run(may_end.wait, 10))
        waiting = asyncio.create_task(workers.run(begun.set))
        await asyncio.sleep(0.05)
        waiting.cancel()
        await asyncio.sleep(0)
        may_end.set()
        await busy
        await workers.run(lambda: None)
        workers.close()

    asyncio.run(scenario())
    assert not begun.is_set()


def test_a_call_that_finds_no_free_thread_in_time_is_refused_and_never_made(may_end: Event) -> None:
    begun, made = Event(), Event()

    def hang() -> None:
        begun.set()
        may_end.wait(10)

    async def scenario() -> None:
        workers = Workers(1, "test", wait_seconds=0.2)
        hanging = asyncio.create_task(workers.run(hang))
        await asyncio.to_thread(begun.wait, 10)
        with pytest.raises(NoThreadFree):
            await workers.run(made.set)
        may_end.set()
        await hanging
        assert await workers.run(lambda: "served") == "served"
        workers.close()

    asyncio.run(scenario())
    assert not made.is_set()


def test_a_call_that_has_begun_may_take_longer_than_one_may_wait_for_a_thread(may_end: Event) -> None:
    async def scenario() -> None:
        workers = Workers(1, "test", wait_seconds=0.05)
        assert await workers.run(may_end.wait, 0.2) is False
        workers.close()

    asyncio.run(scenario())


def test_a_call_has_its_callers_context_and_its_errors_are_its_callers() -> None:
    def fail() -> None:
        raise FileNotFoundError(caller.get())

    async def scenario() -> None:
        workers = Workers(1, "test", wait_seconds=10)
        caller.set("request 7")
        with pytest.raises(FileNotFoundError, match="request 7"):
            await workers.run(fail)
        workers.close()

    asyncio.run(scenario())


def test_a_cancellation_of_several_is_requested_once_it_is_of_each() -> None:
    first, second = Cancellation(), Cancellation()
    both = Cancellation(first, second)
    with first:
        both.check()
    both.check()
    with second:
        both.check()
    with pytest.raises(Cancelled):
        both.check()
    Cancellation().check()
