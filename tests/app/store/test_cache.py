"""The cache of models: bounded by bytes, one load at a time for each, as the store has them."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest

from app.errors import ModelNotFound
from app.store import ModelKey, Stored
from app.store.cache import ModelCache, size_of
from tests.app.stored import stored

SIZE = size_of(stored())


class Shelf:
    """A store of a few models of nobody's, which counts how often it is asked."""

    def __init__(self, *models: Stored) -> None:
        self.models = {key_of(each): each for each in models}
        self.loads: list[str] = []
        self.asked = 0

    async def load(self, key: ModelKey) -> Stored:
        self.loads.append(key[1])
        await asyncio.sleep(0.01)
        if key not in self.models:
            raise ModelNotFound("gone")
        return self.models[key]

    async def revision(self, key: ModelKey) -> str | None:
        self.asked += 1
        return self.models[key].revision if key in self.models else None


def key_of(model: Stored) -> ModelKey:
    return "", model.record.id


async def use(cache: ModelCache, model: Stored) -> Stored:
    async with cache.using(key_of(model)) as used:
        return used


def test_the_least_recently_used_model_is_evicted() -> None:
    async def run() -> None:
        first, second, third = stored(), stored(), stored()
        shelf = Shelf(first, second, third)
        cache = ModelCache(shelf, 2 * SIZE)
        for each in (first, second, first, third, first, second):
            assert await use(cache, each) is each
        assert shelf.loads == [each.record.id for each in (first, second, third, second)]
        assert cache.bytes == 2 * SIZE

    asyncio.run(run())


def test_a_model_in_use_is_not_evicted_until_it_is_released() -> None:
    async def run() -> None:
        models = [stored() for _ in range(4)]
        shelf = Shelf(*models)
        cache = ModelCache(shelf, 2 * SIZE)
        async with AsyncExitStack() as stack:
            for each in models[:3]:
                await stack.enter_async_context(cache.using(key_of(each)))
            await use(cache, models[3])
            assert cache.bytes == 3 * SIZE
            await use(cache, models[0])
            assert shelf.loads == [each.record.id for each in models]
        assert cache.bytes == 2 * SIZE

    asyncio.run(run())


def test_a_pinned_model_is_not_evicted() -> None:
    async def run() -> None:
        models = [stored() for _ in range(4)]
        shelf = Shelf(*models)
        cache = ModelCache(shelf, 2 * SIZE, pinned={models[0].record.id})
        for each in (*models, models[0]):
            await use(cache, each)
        assert shelf.loads == [each.record.id for each in models]
        assert cache.bytes == 2 * SIZE

    asyncio.run(run())


def test_a_model_larger_than_the_cache_is_served_but_not_kept() -> None:
    async def run() -> None:
        model = stored()
        cache = ModelCache(Shelf(model), SIZE - 1)
        assert await use(cache, model) is model
        assert cache.bytes == 0

    asyncio.run(run())


def test_requests_for_the_same_model_share_one_load_even_if_the_first_leaves() -> None:
    async def run() -> None:
        model = stored()
        shelf = Shelf(model)
        cache = ModelCache(shelf, 2 * SIZE)
        first, *others = [asyncio.create_task(use(cache, model)) for _ in range(4)]
        await asyncio.sleep(0.001)
        first.cancel()
        assert await asyncio.gather(*others) == [model] * 3
        assert len(shelf.loads) == 1

    asyncio.run(run())


def test_a_model_deleted_while_it_loads_is_not_kept() -> None:
    async def run() -> None:
        model = stored()
        cache = ModelCache(Shelf(model), 2 * SIZE)
        using = asyncio.create_task(use(cache, model))
        await asyncio.sleep(0.001)
        cache.drop(key_of(model))
        assert await using is model
        assert cache.bytes == 0

    asyncio.run(run())


def test_a_failed_load_is_tried_again() -> None:
    async def run() -> None:
        model, shelf = stored(), Shelf()
        cache = ModelCache(shelf, 2 * SIZE)
        with pytest.raises(ModelNotFound):
            await use(cache, model)
        shelf.models[key_of(model)] = model
        assert await use(cache, model) is model

    asyncio.run(run())


def test_what_was_changed_elsewhere_is_loaded_again_and_what_was_deleted_is_gone() -> None:
    async def run() -> None:
        model = stored()
        shelf = Shelf(model)
        cache = ModelCache(shelf, 2 * SIZE)
        await use(cache, model)
        shelf.models[key_of(model)] = changed = replace(model, revision="2")
        assert await use(cache, model) is changed
        del shelf.models[key_of(model)]
        with pytest.raises(ModelNotFound):
            await use(cache, model)
        assert cache.bytes == 0

    asyncio.run(run())


def test_a_revision_is_asked_for_when_the_last_answer_is_old() -> None:
    async def run() -> None:
        model = stored()
        shelf = Shelf(model)
        cache = ModelCache(shelf, 2 * SIZE, fresh_seconds=0.2)
        for _ in range(5):
            await use(cache, model)
        assert shelf.asked == 0
        await asyncio.sleep(0.25)
        for _ in range(5):
            await use(cache, model)
        assert shelf.asked == 1
        cache.put(key_of(model), model)
        await use(cache, model)
        assert shelf.asked == 1

    asyncio.run(run())


def test_an_expired_model_is_not_served_however_fresh() -> None:
    async def run() -> None:
        model = stored(expires_in=-1)
        cache = ModelCache(Shelf(), 2 * SIZE, fresh_seconds=60)
        cache.put(key_of(model), model)
        with pytest.raises(ModelNotFound):
            await use(cache, model)

    asyncio.run(run())
