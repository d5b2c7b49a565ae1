"""Processes that create, change and delete the same ids at once leave whole models, or none."""

from __future__ import annotations

import subprocess
import sys

from app.settings import Settings
from app.store import new_id, open_store
from tests.app.store.conftest import Address
from tests.app.stored import revision_of

PROCESSES, ROUNDS = 3, 7
WORK = """
import sys
from contextlib import suppress
from app.errors import ModelNotFound
from app.settings import Settings
from app.store import open_store
from tests.app.stored import revision_of, stored

address, rounds, *ids = sys.argv[1:]
store = open_store(Settings(store=address))
for round in range(int(rounds)):
    for each in ids:
        store.put(stored(each), images=each.encode() * 1000)
        with suppress(ModelNotFound):
            store.update(each, lambda model: model.model_copy(update={"steps": model.steps + 1}))
        if round % 2:
            with suppress(ModelNotFound):
                store.delete(each)
"""


def test_the_same_ids_may_be_made_changed_and_deleted_by_several_processes(address: Address) -> None:
    ids = [new_id() for _ in range(3)]
    command = [sys.executable, "-c", WORK, address, str(ROUNDS), *ids]
    processes = [subprocess.Popen(command, stderr=subprocess.PIPE) for _ in range(PROCESSES)]
    for process in processes:
        _, said = process.communicate(timeout=60)
        assert process.returncode == 0, said.decode()
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
