"""Sweeps go on whatever the store does, and are counted."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
import structlog
from prometheus_client.parser import text_string_to_metric_families

from app.errors import StoreUnavailable
from app.observability.metrics import Metrics
from app.service.housekeeping import Housekeeping
from app.store import DirectoryStore, Swept
from tests.app.scrape import Scrape
from tests.app.stored import revision_of, stored
from tests.serving import Server, wait_until


class FailingStore(DirectoryStore):
    """A store whose first sweeps raise."""

    def __init__(self, directory: Path, *errors: Exception) -> None:
        super().__init__(directory)
        self.errors = list(errors)

    def sweep(self) -> Swept:
        if self.errors:
            raise self.errors.pop(0)
        return super().sweep()


def said(metrics: Metrics, name: str) -> float:
    families = text_string_to_metric_families(metrics.text().decode())
    return next(sample.value for family in families for sample in family.samples if sample.name == name)


async def keep_house(store: DirectoryStore, metrics: Metrics, until: Callable[[], bool]) -> None:
    task = asyncio.create_task(Housekeeping(store, 0.01, metrics).run())
    deadline = time.monotonic() + 10
    while not until():
        assert time.monotonic() < deadline
        assert not task.done()
        await asyncio.sleep(0.01)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


@pytest.mark.parametrize(
    "error", [StoreUnavailable("down"), ValueError("strange"), RuntimeError("bug"), OSError("disk")]
)
def test_sweeps_go_on_after_any_error_and_say_what_it_was(tmp_path: Path, error: Exception) -> None:
    store, metrics = FailingStore(tmp_path, error, error), Metrics()
    old = store.put(stored(expires_in=-1)).record.id
    with structlog.testing.capture_logs() as logs:
        asyncio.run(keep_house(store, metrics, lambda: revision_of(store, old) is None))
    assert [entry["exc_info"] for entry in logs if entry["log_level"] == "error"] == [True, True]
    assert said(metrics, "kshot_sweep_failures_total") == 2


def test_the_end_of_the_last_sweep_is_known_and_one_that_failed_is_none(tmp_path: Path) -> None:
    store, metrics = FailingStore(tmp_path, *[RuntimeError("bug")] * 3), Metrics()
    ended = "kshot_last_sweep_timestamp_seconds"
    assert said(metrics, ended) == 0
    asyncio.run(keep_house(store, metrics, lambda: not store.errors or said(metrics, ended) > 0))
    before = time.time()
    asyncio.run(keep_house(store, metrics, lambda: said(metrics, ended) >= before))


def test_a_server_sweeps_on_beside_what_it_cannot_sweep_and_counts_that(tmp_path: Path) -> None:
    server = Server(tmp_path, sweep_seconds=0.2)
    server.start()
    try:
        store = DirectoryStore(server.store)
        bad = store.put(stored()).record.id
        (server.store / f"{bad}.safetensors").write_bytes(b"damaged")
        wait_until(lambda: Scrape(server.url).value("kshot_sweep_failures_total") > 1)
        old = store.put(stored(expires_in=-1)).record.id
        wait_until(lambda: revision_of(store, old) is None)
        assert time.time() - Scrape(server.url).value("kshot_last_sweep_timestamp_seconds") < 30
        assert server.log.read_text().count("the sweep leaves") == 1
        assert httpx.get(f"{server.url}/readyz").status_code == 200
    finally:
        server.stop()
