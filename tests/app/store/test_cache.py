"""The cache of models: bounded by bytes, one load at a time for each, as the store has them."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest

from app.errors import ModelNotFound
from app.store import Stored
from app.store.cache import ModelCache, Source, size_of
from tests.app.stored import stored

SIZE = size_of(stored())


class Shelf:
    """A store of a few models, which counts how often it is asked."""

    def __init__(self, *models: Stored) -> None:
        self.models = {each.record.id: each for each in models}
        self.loads: list[str] = []
        self.asked = 0

    def source(self, model_id: str) -> Source:
        async def load() -> Stored:
            self.loads.append(model_id)
            await asyncio.sleep(0.01)
            if model_id not in self.models:
                raise ModelNotFound("gone")
            return self.models[model_id]

        async def revision() -> str | None:
            self.asked += 1
            return self.models[model_id].revision if model_id in self.models else None

        return Source(load, revision)

    async def use(self, cache: ModelCache, model: Stored) -> Stored:
        async with cache.using(model.record.id, self.source(model.record.id)) as used:
            return used


def test_the_least_recently_used_model_is_evicted() -> None:
    async def run() -> None:
        cache = ModelCache(2 * SIZE)
        first, second, third = stored(), stored(), stored()
        shelf = Shelf(first, second, third)
        for each in (first, second, first, third, first, second):
            assert await shelf.use(cache, each) is each
        assert shelf.loads == [each.record.id for each in (first, second, third, second)]
        assert cache.bytes == 2 * SIZE

    asyncio.run(run())


def test_a_model_in_use_is_not_evicted_until_it_is_released() -> None:
    async def run() -> None:
        cache = ModelCache(2 * SIZE)
        models = [stored() for _ in range(4)]
        shelf = Shelf(*models)
        async with AsyncExitStack() as stack:
            for each in models[:3]:
                await stack.enter_async_context(cache.using(each.record.id, shelf.source(each.record.id)))
            await shelf.use(cache, models[3])
            assert cache.bytes == 3 * SIZE
            await shelf.use(cache, models[0])
            assert shelf.loads == [each.record.id for each in models]
        assert cache.bytes == 2 * SIZE

    asyncio.run(run())


def test_a_pinned_model_is_not_evicted() -> None:
    async def run() -> None:
        models = [stored() for _ in range(4)]
        cache, shelf = ModelCache(2 * SIZE, pinned={models[0].record.id}), Shelf(*models)
        for each in (*models, models[0]):
            await shelf.use(cache, each)
        assert shelf.loads == [each.record.id for each in models]
        assert cache.bytes == 2 * SIZE

    asyncio.run(run())


def test_a_model_larger_than_the_cache_is_served_but_not_kept() -> None:
    async def run() -> None:
        cache, model = ModelCache(SIZE - 1), stored()
        assert await Shelf(model).use(cache, model) is model
        assert cache.bytes == 0

    asyncio.run(run())


def test_those_who_want_the_same_model_share_one_load_even_if_the_first_leaves() -> None:
    async def run() -> None:
        cache, model = ModelCache(2 * SIZE), stored()
        shelf = Shelf(model)
        first, *others = [asyncio.create_task(shelf.use(cache, model)) for _ in range(4)]
        await asyncio.sleep(0.001)
        first.cancel()
        assert await asyncio.gather(*others) == [model] * 3
        assert len(shelf.loads) == 1

    asyncio.run(run())


def test_a_model_deleted_while_it_loads_is_not_kept() -> None:
    async def run() -> None:
        cache, model = ModelCache(2 * SIZE), stored()
        shelf = Shelf(model)
        using = asyncio.create_task(shelf.use(cache, model))
        await asyncio.sleep(0.001)
        cache.drop(model.record.id)
        assert await using is model
        assert cache.bytes == 0

    asyncio.run(run())


def test_a_failed_load_is_tried_again() -> None:
    async def run() -> None:
        cache, model, shelf = ModelCache(2 * SIZE), stored(), Shelf()
        with pytest.raises(ModelNotFound):
            await shelf.use(cache, model)
        shelf.models[model.record.id] = model
        assert await shelf.use(cache, model) is model

    asyncio.run(run())


def test_what_was_changed_elsewhere_is_loaded_again_and_what_was_deleted_is_gone() -> None:
    async def run() -> None:
        cache, model = ModelCache(2 * SIZE), stored()
        shelf = Shelf(model)
        await shelf.use(cache, model)
        shelf.models[model.record.id] = changed = replace(model, revision="2")
        assert await shelf.use(cache, model) is changed
        del shelf.models[model.record.id]
        with pytest.raises(ModelNotFound):
            await shelf.use(cache, model)
        assert cache.bytes == 0

    asyncio.run(run())


def test_a_revision_is_asked_for_when_the_last_answer_is_old() -> None:
    async def run() -> None:
        cache, model = ModelCache(2 * SIZE, fresh_seconds=0.2), stored()
        shelf = Shelf(model)
        for _ in range(5):
            await shelf.use(cache, model)
        assert shelf.asked == 0
        await asyncio.sleep(0.25)
        for _ in range(5):
            await shelf.use(cache, model)
        assert shelf.asked == 1
        cache.put(model.record.id, model)
        await shelf.use(cache, model)
        assert shelf.asked == 1

    asyncio.run(run())


def test_an_expired_model_is_not_served_however_fresh() -> None:
    async def run() -> None:
        cache, model = ModelCache(2 * SIZE, fresh_seconds=60), stored(expires_in=-1)
        cache.put(model.record.id, model)
        with pytest.raises(ModelNotFound):
            await Shelf().use(cache, model)

    asyncio.run(run())
