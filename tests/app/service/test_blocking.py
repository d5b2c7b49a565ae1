"""Calls that share a thread are answered each for itself, and wait for no other than those they came with."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from threading import Event, get_ident

import pytest

from app.errors import StoreUnavailable
from app.service.blocking import Blocking, Gathered

SECONDS = 0.2


def refuse() -> None:
    raise FileNotFoundError("gone")


@pytest.fixture
def may_end() -> Iterator[Event]:
    event = Event()
    yield event
    event.set()


def test_calls_that_come_together_share_a_thread_and_each_has_its_own_outcome() -> None:
    async def scenario() -> list[object]:
        gathered = Gathered(Blocking(SECONDS))
        calls = gathered.run(get_ident), gathered.run(refuse), gathered.run(get_ident)
        return await asyncio.gather(*calls, return_exceptions=True)

    first, refused, last = asyncio.run(scenario())
    assert first == last != get_ident()
    assert isinstance(refused, FileNotFoundError)


def test_a_call_does_not_wait_for_one_that_had_begun_before(may_end: Event) -> None:
    async def scenario() -> int:
        gathered, begun = Gathered(Blocking(10)), Event()

        def hang() -> int:
            begun.set()
            may_end.wait(10)
            return 1

        hanging = asyncio.create_task(gathered.run(hang))
        await asyncio.to_thread(begun.wait, 10)
        assert await gathered.run(lambda: 2) == 2
        assert not hanging.done()
        may_end.set()
        return await hanging

    assert asyncio.run(scenario()) == 1


def test_who_leaves_takes_no_other_along() -> None:
    async def scenario() -> str:
        gathered = Gathered(Blocking(SECONDS))
        leaving = asyncio.create_task(gathered.run(lambda: "nobody's"))
        staying = asyncio.create_task(gathered.run(lambda: "mine"))
        await asyncio.sleep(0)
        leaving.cancel()
        return await staying

    assert asyncio.run(scenario()) == "mine"


def test_all_who_find_no_free_thread_are_told_so_and_the_next_is_served(may_end: Event) -> None:
    async def scenario() -> None:
        blocking, begun = Blocking(SECONDS, threads=1), Event()

        def hang() -> None:
            begun.set()
            may_end.wait(10)

        hanging = asyncio.create_task(blocking.run(hang))
        await asyncio.to_thread(begun.wait, 10)
        gathered = Gathered(blocking)
        refused = await asyncio.gather(*(gathered.run(get_ident) for _ in range(3)), return_exceptions=True)
        assert all(isinstance(each, StoreUnavailable) for each in refused)
        may_end.set()
        await hanging
        assert await gathered.run(lambda: "served") == "served"

    asyncio.run(scenario())
