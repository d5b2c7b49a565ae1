"""Worker threads are as many as they are said to be, whoever goes away meanwhile."""

from __future__ import annotations

import asyncio
from threading import Event

import pytest

from app.threads import Workers


def test_a_thread_whose_caller_has_gone_is_taken_until_it_ends() -> None:
    begun, told, may_end, second_begun = Event(), Event(), Event(), Event()

    def first(gone: Event) -> None:
        begun.set()
        if gone.wait(10):
            told.set()
        may_end.wait(10)

    def second(_: Event) -> str:
        second_begun.set()
        return "done"

    async def scenario() -> None:
        workers = Workers(1)
        leaving = asyncio.create_task(workers.run(first))
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


def test_what_waits_for_a_thread_never_begins_once_its_caller_has_gone() -> None:
    may_end, begun = Event(), Event()

    async def scenario() -> None:
        workers = Workers(1)
        busy = asyncio.create_task(workers.run(lambda _: may_end.wait(10)))
        waiting = asyncio.create_task(workers.run(lambda _: begun.set()))
        await asyncio.sleep(0.05)
        waiting.cancel()
        await asyncio.sleep(0)
        may_end.set()
        await busy
        await workers.run(lambda _: None)
        workers.close()

    asyncio.run(scenario())
    assert not begun.is_set()
