"""Servers of several releases on one store: each reads what older ones wrote, and leaves what it cannot read."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from app.store import DirectoryStore
from tests.app.drawings import QUERY, SUPPORT, adapt, predict
from tests.app.refusals import problem
from tests.app.stored import put_newer, revision_of
from tests.serving import Server

RECORDS = Path(__file__).parents[2] / "data" / "records"


@pytest.fixture(params=sorted(RECORDS.glob("version-*")), ids=lambda folder: folder.name)
def older(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    """A server on the store that one of another version left, its files written just now."""
    server = Server(tmp_path)
    shutil.copytree(request.param, server.store, copy_function=shutil.copyfile)
    server.start()
    yield server
    server.stop()


def rewrite_as_newer(path: Path) -> bytes:
    document = json.loads(path.read_bytes())
    contents = json.dumps({**document, "format_version": 9}).encode()
    path.write_bytes(contents)
    return contents


def refused(answer: httpx.Response) -> bool:
    problem(answer, 503, "record-too-new")
    return int(answer.headers["Retry-After"]) > 0


def test_what_an_older_build_left_is_served(older: Server) -> None:
    loaded = {each["name"] for each in httpx.get(f"{older.url}/checkpoints").json()["checkpoints"]}
    listed = httpx.get(f"{older.url}/models").raise_for_status().json()["models"]
    assert {model["name"] for model in listed} == {"drawings", "photos"}
    for summary in listed:
        url = f"{older.url}/models/{summary['id']}"
        model = httpx.get(url).raise_for_status().json()
        assert model.items() >= summary.items()
        shown = httpx.get(f"{url}/images").raise_for_status().json()["images"]
        assert len(shown) == sum(model["shots"].values())
        assert httpx.get(f"{url}/images/0").raise_for_status().content
        served = model["checkpoint"]["name"] in loaded
        assert predict(older.url, model["id"], QUERY[:1]).status_code == (200 if served else 409)
        renamed = httpx.patch(url, json={"name": "other"}).raise_for_status().json()
        assert renamed == {**model, "name": "other"}


def test_a_request_that_an_older_build_answered_gets_its_answer_again(older: Server) -> None:
    (model_id,) = (each for each in older.models() if httpx.get(f"{older.url}/models/{each}").json()["seed"] == 0)
    before = older.models()
    answer = adapt(
        older.url, SUPPORT, {"Idempotency-Key": "drawings"}, checkpoint="omniglot", name="drawings", seed=0
    ).raise_for_status()
    assert answer.headers["Idempotent-Replayed"] == "true"
    assert answer.json()["id"] == model_id
    assert answer.json()["timings_ms"]["adapt"] > 0
    assert older.models() == before


def test_a_model_of_a_newer_build_is_refused_by_all_that_take_one_and_stays(server: Server) -> None:
    store = DirectoryStore(server.store)
    model_id = put_newer(store)
    before, url = revision_of(store, model_id), f"{server.url}/models/{model_id}"
    calls: list[Callable[[], httpx.Response]] = [
        lambda: predict(server.url, model_id, QUERY[:1]),
        lambda: httpx.get(url),
        lambda: httpx.get(f"{url}/images"),
        lambda: httpx.get(f"{url}/export"),
        lambda: httpx.post(f"{url}/versions", data={"remove": "0"}),
        lambda: httpx.patch(url, json={"name": "other"}),
        lambda: httpx.delete(url),
    ]
    assert [refused(call()) for call in calls] == [True] * len(calls)
    assert model_id not in server.models()
    assert revision_of(store, model_id) == before


@pytest.mark.parametrize("place", [0, 1], ids=["intent", "answer"])
def test_a_request_that_a_newer_build_answered_is_refused_and_makes_no_model(server: Server, place: int) -> None:
    key, folder = {"Idempotency-Key": str(uuid4())}, server.store / "records"
    known = set(folder.glob("*")) if folder.exists() else set()
    adapt(server.url, SUPPORT[::5], key, steps=0).raise_for_status()
    record = sorted(set(folder.glob("*")) - known, key=lambda path: path.stat().st_mtime_ns)[place]
    newer, before = rewrite_as_newer(record), server.models()
    assert refused(adapt(server.url, SUPPORT[::5], key, steps=0))
    assert server.models() == before
    assert record.read_bytes() == newer
