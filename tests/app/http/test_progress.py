"""Steps on their way to a client: in order, each once, and none without a number."""

from __future__ import annotations

import asyncio
import math
from threading import Thread

from app.http.progress import EventQueue


async def steps_of(told: list[tuple[int, float]]) -> list[tuple[int, int, float]]:
    """What comes out of a queue that another thread is told these steps and losses by, of 5 steps."""
    queue = EventQueue()

    def tell() -> None:
        for step, loss in told:
            queue.step(step, 5, loss)
        queue.end()

    thread = Thread(target=tell)
    thread.start()
    came = []
    while event := await queue.get():
        came.append((event.step, event.steps, event.loss))
    thread.join()
    return came


def test_steps_from_another_thread_come_in_order() -> None:
    assert asyncio.run(steps_of([(0, 0.5), (1, 0.25)])) == [(0, 5, 0.5), (1, 5, 0.25)]


def test_steps_that_a_batch_repeats_come_once() -> None:
    assert asyncio.run(steps_of([(0, 0.5), (1, 0.4), (0, 0.5), (1, 0.4), (2, 0.3)])) == [
        (0, 5, 0.5),
        (1, 5, 0.4),
        (2, 5, 0.3),
    ]


def test_losses_beyond_all_numbers_are_left_out() -> None:
    assert asyncio.run(steps_of([(0, math.nan), (1, math.inf), (2, 0.3)])) == [(2, 5, 0.3)]


def test_a_step_that_comes_after_the_event_loop_has_closed_is_dropped() -> None:
    async def make() -> EventQueue:
        return EventQueue()

    asyncio.run(make()).step(0, 5, 0.5)
