"""The cache of models: bounded by bytes, one load at a time for each id."""

from __future__ import annotations

import asyncio

import pytest

from app.cache import ModelCache, size_of
from app.errors import ModelNotFound
from app.store import Stored
from tests.app.stored import stored

SIZE = size_of(stored())


def test_the_least_recently_used_model_is_evicted() -> None:
    async def run() -> None:
        cache = ModelCache(2 * SIZE)
        first, second, third = stored(), stored(), stored()
        loads: list[str] = []

        async def load(model: Stored) -> Stored:
            loads.append(model.model.id)
            return model

        for each in (first, second, first, third, first, second):
            assert await cache.get(each.model.id, lambda each=each: load(each)) is each  # type: ignore[misc]
        assert loads == [each.model.id for each in (first, second, third, second)]
        assert cache.bytes == 2 * SIZE

    asyncio.run(run())


def test_a_model_larger_than_the_cache_is_served_but_not_kept() -> None:
    cache = ModelCache(SIZE - 1)
    cache.put(stored())
    assert cache.bytes == 0


def test_those_who_want_the_same_model_share_one_load_even_if_the_first_leaves() -> None:
    async def run() -> None:
        cache, model, loads = ModelCache(2 * SIZE), stored(), 0

        async def load() -> Stored:
            nonlocal loads
            loads += 1
            await asyncio.sleep(0.05)
            return model

        first, *others = [asyncio.create_task(cache.get(model.model.id, load)) for _ in range(4)]
        await asyncio.sleep(0.01)
        first.cancel()
        assert await asyncio.gather(*others) == [model] * 3
        assert loads == 1

    asyncio.run(run())


def test_a_model_deleted_while_it_loads_is_not_kept() -> None:
    async def run() -> None:
        cache, model = ModelCache(2 * SIZE), stored()

        async def load() -> Stored:
            cache.drop(model.model.id)
            return model

        assert await cache.get(model.model.id, load) is model
        assert cache.bytes == 0

    asyncio.run(run())


def test_a_failed_load_is_tried_again() -> None:
    async def run() -> None:
        cache, model = ModelCache(2 * SIZE), stored()

        async def fail() -> Stored:
            raise ModelNotFound("gone")

        async def load() -> Stored:
            return model

        with pytest.raises(ModelNotFound):
            await cache.get(model.model.id, fail)
        assert await cache.get(model.model.id, load) is model

    asyncio.run(run())
