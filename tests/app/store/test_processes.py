"""Processes that create, change and delete the same ids at once leave whole models, or none."""

from __future__ import annotations

import os
from contextlib import suppress

from app.errors import ModelNotFound
from app.settings import Settings
from app.store import new_id, open_store
from tests.app.store.conftest import Address
from tests.app.stored import revision_of, stored
from tests.forks import forks

PROCESSES, ROUNDS = 3, 7


def work(address: Address, ids: list[str], environment: dict[str, str]) -> None:
    """What each process does."""
    os.environ |= environment
    store = open_store(Settings(store=address))
    for number in range(ROUNDS):
        for each in ids:
            store.put(stored(each), images=each.encode() * 1000)
            with suppress(ModelNotFound):
                store.update(each, lambda model: model.model_copy(update={"steps": model.steps + 1}))
            if number % 2:
                with suppress(ModelNotFound):
                    store.delete(each)


def test_the_same_ids_may_be_made_changed_and_deleted_by_several_processes(address: Address) -> None:
    ids = [new_id() for _ in range(3)]
    processes = [forks().Process(target=work, args=(address, ids, dict(os.environ))) for _ in range(PROCESSES)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    store = open_store(Settings(store=address))
    left = {model.id for model in store.page(10)[0]}
    assert left <= set(ids)
    assert left, "the last round keeps what it makes"
    for each in ids:
        assert (revision_of(store, each) is not None) == (each in left)
    for each in left:
        assert store.get(each).record.steps > 0
        with store.images(each) as file:
            assert file.read() == each.encode() * 1000
