"""GET /metrics: what happened, and what is the case."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import httpx
import pytest
from httpx_sse import connect_sse

from app.engine.checkpoint_registry import CheckpointRegistry
from app.engine.engine import Engine
from app.engine.limits import BatchLimits, QueueLimits
from app.observability.metrics import Metrics
from app.settings import Settings
from app.store.cache import ModelCache
from app.tenants.keys import KeyFile
from models.checkpoint import SHIPPED
from tests.app.drawings import QUERY, SUPPORT, adapt, images, labels, predict
from tests.app.engine.test_engine import Probe, behind_a_gate
from tests.app.refusals import problem
from tests.app.scrape import Scrape, after
from tests.app.store.test_cache import SIZE, Shelf, use
from tests.app.stored import stored
from tests.serving import Server, wait_until

PHASES = {"decode", "queue", "encode", "adapt", "predict", "store"}


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that no other file's tests use, with room for one model in memory."""
    server = Server(
        tmp_path_factory.mktemp("alone"), cache_bytes=500_000, compute_seconds=0.5, max_steps=500, sweep_seconds=0.1
    )
    server.start()
    yield server
    server.stop()


def test_an_adaptation_and_a_prediction_are_seen_in_all_their_parts(alone: Server) -> None:
    before = Scrape(alone.url)
    model = adapt(alone.url, steps=2).json()
    answer = predict(alone.url, model["id"], QUERY[:3]).json()
    now = after(alone.url, "/predict", status="200")
    grown = partial(now.grown, before)
    assert now.answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    for route, status in (("/adapt", "201"), ("/predict", "200")):
        assert grown("kshot_requests_total", method="POST", route=route, status=status) == 1
        assert grown("kshot_request_duration_seconds_count", method="POST", route=route) == 1
    assert now.labels("kshot_phase_duration_seconds_count", "phase") == PHASES
    timed = sum((model["timings_ms"] | answer["timings_ms"])[phase] for phase in ("adapt", "predict", "store")) / 1e3
    counted = sum(
        grown("kshot_phase_duration_seconds_sum", phase=phase, checkpoint="omniglot")
        for phase in ("adapt", "predict", "store")
    )
    assert counted == pytest.approx(timed, abs=1e-4)
    for kind, number in (("adapt", len(SUPPORT)), ("predict", 3)):
        assert grown("kshot_images_total", kind=kind, checkpoint="omniglot") == number
        assert grown("kshot_batch_images_sum", kind=kind) == number
        assert grown("kshot_batch_requests_sum", kind=kind) == 1
    assert grown("kshot_received_bytes_total") > sum(path.stat().st_size for path in SUPPORT)
    assert grown("kshot_cache_lookups_total", result="hit") == 1
    assert now.value("kshot_cache_models") == 1
    assert 0 < now.value("kshot_cache_bytes") < now.value("kshot_cache_max_bytes")
    assert now.labels("kshot_checkpoint_info", "checkpoint") == {"omniglot"}
    assert now.value("kshot_ready") == now.value("kshot_build_info") == 1
    assert now.value("process_resident_memory_bytes") > 2**20


def test_models_that_leave_memory_or_the_store_are_counted(alone: Server) -> None:
    first = adapt(alone.url, steps=0).json()["id"]
    before = Scrape(alone.url)
    adapt(alone.url, steps=0, ttl_seconds=1)
    now = Scrape(alone.url)
    assert (now.grown(before, "kshot_cache_evictions_total"), now.value("kshot_cache_models")) == (1, 1)
    predict(alone.url, first, QUERY[:1])
    assert Scrape(alone.url).grown(before, "kshot_cache_lookups_total", result="miss") == 1
    wait_until(lambda: Scrape(alone.url).grown(before, "kshot_models_swept_total") == 1, 10)


def test_what_clients_choose_makes_no_series(alone: Server) -> None:
    for path in ("/models/secret1", "/models/secret2/images/7", "/secret3", "/page/secret4.js"):
        httpx.get(alone.url + path)
    httpx.request("PROPFIND", f"{alone.url}/adapt")
    scrape = after(alone.url, "/adapt", method="other", status="405")
    assert "secret" not in scrape.answer.text
    assert "PROPFIND" not in scrape.answer.text
    assert scrape.labels("kshot_requests_total", "route") >= {
        "/models/{model_id}",
        "/models/{model_id}/images/{index}",
        "/page/{path:path}",
        "unknown",
    }


def test_rejections_are_counted_by_reason(alone: Server) -> None:
    before = Scrape(alone.url)
    files = [("images", ("a.png", SUPPORT[0].read_bytes()[:130])), *images(SUPPORT[1:])]
    problem(httpx.post(f"{alone.url}/adapt", files=files, data=labels(SUPPORT)), 422, "image-truncated")
    httpx.get(f"{alone.url}/models/{'0' * 32}")
    httpx.post(f"{alone.url}/predict", data={"top_k": "1"})
    form = {"data": labels(SUPPORT) | {"steps": ["500"]}, "files": images(SUPPORT)}
    with httpx.Client() as http, connect_sse(http, "POST", f"{alone.url}/adapt", **form) as source:
        assert [event.event for event in source.iter_sse()][-1] == "error"
    now = Scrape(alone.url)
    for reason in ("image-truncated", "model-not-found", "request-invalid", "compute-timeout"):
        assert now.grown(before, "kshot_rejections_total", reason=reason) == 1


def test_with_keys_it_takes_one_that_opens_nothing_else(tmp_path: Path) -> None:
    keys = KeyFile(tmp_path / "keys.json")
    ours, theirs = (
        {"Authorization": f"Bearer {keys.add(name, metrics=metrics)[1]}"}
        for name, metrics in (("prometheus", True), ("alice", False))
    )
    server = Server(tmp_path, keys=keys.path)
    server.start()
    problem(httpx.get(f"{server.url}/metrics"), 401, "key-missing")
    problem(httpx.get(f"{server.url}/metrics", headers=theirs), 403, "key-forbidden")
    refused = problem(httpx.get(f"{server.url}/models", headers=ours), 403, "key-forbidden")
    assert "--metrics" not in refused["detail"]  # which would make one more of the kind that is refused
    scrape = after(server.url, "/models", ours, status="403")
    server.stop()
    assert scrape.value("kshot_rejections_total", reason="key-missing") == 1
    assert scrape.value("kshot_rejections_total", reason="key-forbidden") == 2
    assert scrape.value("kshot_requests_total", route="/metrics", status="403") == 1


def test_it_answers_before_the_server_is_ready(tmp_path: Path) -> None:
    server = Server(tmp_path, checkpoints=SHIPPED, checkpoint="photo")  # which takes a while to load
    server.start(until="/metrics")
    first = Scrape(server.url)
    wait_until(lambda: Scrape(server.url).value("kshot_ready") == 1)
    server.stop()
    assert first.value("kshot_ready") == 0
    assert "kshot_checkpoint_info" not in first.names()


def test_halved_batches_and_waiting_works_are_counted() -> None:
    settings, metrics = Settings(threads=1), Metrics()
    engine = Engine(CheckpointRegistry.of(settings), QueueLimits.of(settings), BatchLimits.of(settings), metrics)
    engine.start()
    wait_until(lambda: engine.ready)
    works = [Probe(poison=number == 2) for number in range(4)]
    seen: list[int] = []

    async def run() -> None:
        batch = asyncio.create_task(behind_a_gate(engine, works))
        await asyncio.sleep(0.13)
        seen.append(engine.depth)
        await batch

    asyncio.run(run())
    engine.close()
    value = metrics.registry.get_sample_value
    assert seen == [4]
    assert engine.depth == 0
    assert value("kshot_batch_halvings_total", {"reason": "error"}) == 2
    assert value("kshot_batch_requests_sum", {"kind": "other"}) == 4  # the gate's and three; the poisoned never was


def test_a_load_that_several_wait_for_is_shared() -> None:
    metrics = Metrics()

    async def run() -> None:
        model = stored()
        cache = ModelCache(Shelf(model), 2 * SIZE, metrics=metrics)
        await asyncio.gather(*(use(cache, model) for _ in range(3)))
        await use(cache, model)

    asyncio.run(run())
    value = metrics.registry.get_sample_value
    counts = {result: value("kshot_cache_lookups_total", {"result": result}) for result in ("hit", "miss", "shared")}
    assert counts == {"hit": 1, "miss": 1, "shared": 2}
