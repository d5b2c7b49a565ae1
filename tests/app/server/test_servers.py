"""Several servers on one store, a folder or a bucket, are as one to their clients."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TypeAlias

import httpx
import pytest

from tests.app.drawings import QUERY, SUPPORT, adapt, predict
from tests.s3 import running_s3
from tests.serving import Server, wait_until

FRESH_SECONDS = 0.3
Servers: TypeAlias = tuple[Server, Server]


@pytest.fixture(scope="module", params=["folder", "bucket"])
def servers(
    request: pytest.FixtureRequest, s3: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Servers]:
    """Two on the same store."""
    folder = tmp_path_factory.mktemp(request.param)
    store = folder / "models" if request.param == "folder" else f"s3://models/{folder.name}"
    with pytest.MonkeyPatch.context() as environment:
        for name, value in s3.items():
            environment.setenv(name, value)
        pair = tuple(_server(folder / name, store) for name in ("one", "other"))
        for each in pair:
            each.start()
        yield pair
        for each in pair:
            each.stop()


def _server(folder: Path, store: object, **settings: object) -> Server:
    folder.mkdir()
    return Server(folder, store=store, store_fresh_seconds=FRESH_SECONDS, **settings)


def test_a_model_of_one_server_answers_on_the_other(servers: Servers) -> None:
    one, other = servers
    model = adapt(one.url).json()
    assert predict(other.url, model["id"]).json()["predictions"] == predict(one.url, model["id"]).json()["predictions"]
    assert httpx.get(f"{other.url}/models/{model['id']}").json()["loss_curve"] == model["loss_curve"]
    assert len(httpx.get(f"{other.url}/models/{model['id']}/images").json()["images"]) == len(SUPPORT)
    assert one.models() == other.models()


def test_a_version_is_made_on_the_other_server(servers: Servers) -> None:
    one, other = servers
    model = adapt(one.url, steps=0).json()
    second = httpx.post(f"{other.url}/models/{model['id']}/versions", data={"remove": "0"}).raise_for_status().json()
    assert second["parent"] == model["id"]
    assert predict(one.url, second["id"]).status_code == 200


def test_a_retry_gets_the_first_answer_from_the_other_server(servers: Servers) -> None:
    one, other = servers
    first, again = (adapt(server.url, headers={"Idempotency-Key": "retried"}) for server in servers)
    assert again.content == first.content
    assert again.headers["idempotent-replayed"] == "true"
    refused = adapt(other.url, SUPPORT[1:], headers={"Idempotency-Key": "retried"})
    assert refused.json()["type"] == "/problems/idempotency-key-reused"
    assert one.models() == other.models()


def test_retries_on_both_servers_at_once_make_one_model_and_one_answer(servers: Servers) -> None:
    before = servers[0].models()
    with ThreadPoolExecutor(20) as pool:
        urls = [servers[number % 2].url for number in range(20)]
        answers = list(pool.map(lambda url: adapt(url, headers={"Idempotency-Key": "at once"}), urls))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    model_id = answers[0].json()["id"]
    assert servers[0].models() == servers[1].models() == [model_id, *before]
    for server in servers:
        assert httpx.get(f"{server.url}/models/{model_id}").json()["loss_curve"] == answers[0].json()["loss_curve"]
        assert len(httpx.get(f"{server.url}/models/{model_id}/images").json()["images"]) == len(SUPPORT)
        assert predict(server.url, model_id).status_code == 200


def test_new_names_are_seen_by_the_other_server(servers: Servers) -> None:
    one, other = servers
    model = adapt(one.url, steps=0).json()
    old = model["classes"][0]
    assert predict(other.url, model["id"]).status_code == 200
    httpx.patch(f"{one.url}/models/{model['id']}", json={"classes": {old: "new"}}).raise_for_status()
    assert "new" in labels(one, model["id"])
    wait_until(lambda: "new" in labels(other, model["id"]), FRESH_SECONDS + 1)
    assert old not in labels(other, model["id"])


def labels(server: Server, model_id: str) -> set[str]:
    top = predict(server.url, model_id, QUERY[:1]).json()["predictions"][0]["top"]
    return {score["label"] for score in top}


def test_a_deleted_model_is_gone_from_the_other_server(servers: Servers) -> None:
    one, other = servers
    model_id = adapt(one.url, steps=0).json()["id"]
    assert predict(other.url, model_id).status_code == 200
    httpx.delete(f"{one.url}/models/{model_id}").raise_for_status()
    assert predict(one.url, model_id).status_code == 404
    wait_until(lambda: predict(other.url, model_id).status_code == 404, FRESH_SECONDS + 1)
    assert model_id not in other.models()
    assert httpx.delete(f"{other.url}/models/{model_id}").status_code == 404


def test_clients_that_make_and_delete_models_on_both_leave_whole_ones_alone(servers: Servers) -> None:
    deleted: set[str] = set()

    def work(number: int) -> None:
        here, there = servers[number % 2], servers[(number + 1) % 2]
        for _ in range(4):
            first, second = (adapt(here.url, SUPPORT[::5], steps=0).raise_for_status().json()["id"] for _ in range(2))
            httpx.delete(f"{there.url}/models/{first}").raise_for_status()
            assert predict(there.url, second, QUERY[:1]).status_code == 200
            deleted.add(first)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    one, other = servers
    assert one.models() == other.models()
    assert not deleted & set(one.models())
    for model_id in one.models():
        assert predict(other.url, model_id, QUERY[:1]).status_code == 200


def test_of_many_who_delete_a_model_at_once_on_both_one_does(servers: Servers) -> None:
    """In a bucket more may be told that they did; what is left is the same."""
    one, other = servers
    in_a_bucket = str(one.settings["store"]).startswith("s3://")
    kept = adapt(one.url, SUPPORT[::5], steps=0).json()["id"]
    for _ in range(5):
        model = adapt(one.url, SUPPORT[::5], steps=0).raise_for_status().json()
        url, label = f"/models/{model['id']}", model["classes"][0]
        assert predict(other.url, model["id"], QUERY[:1]).status_code == 200

        def delete(server: Server, url: str = url) -> int:
            return httpx.delete(server.url + url).status_code

        def rename(server: Server, url: str = url, label: str = label) -> int:
            return httpx.patch(server.url + url, json={"classes": {label: label}}).status_code

        def ask(server: Server, model_id: str = model["id"]) -> int:
            return predict(server.url, model_id, QUERY[:1]).status_code

        with ThreadPoolExecutor(12) as pool:
            told = {work: [pool.submit(work, each) for each in servers * 2] for work in (delete, rename, ask)}
            said = {work: sorted(each.result() for each in futures) for work, futures in told.items()}
        assert set(said[delete]) <= {204, 404}
        assert said[delete].count(204) == 1 or (in_a_bucket and 204 in said[delete])
        assert set(said[rename]) | set(said[ask]) <= {200, 404}
        wait_until(lambda ask=ask: ask(one) == ask(other) == 404, FRESH_SECONDS + 1)  # type: ignore[misc]
        assert delete(one) == rename(other) == 404
        assert model["id"] not in one.models()
    assert kept in other.models()


def test_what_a_killed_server_answered_is_on_the_other(servers: Servers) -> None:
    one, other = servers
    answered: list[str] = []

    def adapt_until_it_dies() -> None:
        with suppress(httpx.TransportError):
            while True:
                answered.append(adapt(one.url, SUPPORT[::5], steps=1).raise_for_status().json()["id"])

    clients = [threading.Thread(target=adapt_until_it_dies) for _ in range(4)]
    for client in clients:
        client.start()
    wait_until(lambda: len(answered) > 4)
    time.sleep(random.Random(0).uniform(0, 0.3))  # noqa: S311
    one.kill()
    for client in clients:
        client.join()
    listed = other.models()
    assert set(answered) <= set(listed)
    for model_id in listed:
        assert predict(other.url, model_id, QUERY[:1]).status_code == 200
        assert httpx.get(f"{other.url}/models/{model_id}/images").status_code == 200
    one.start()


def test_a_bucket_that_is_down_refuses_in_time_and_is_as_before_when_it_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running_s3() as environment:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        server = _server(tmp_path / "server", f"s3://models/{tmp_path.name}", store_seconds=1)
        server.start()
        model_id = adapt(server.url, steps=0).json()["id"]
    try:
        start = time.monotonic()
        for answer in (adapt(server.url, steps=0), httpx.get(f"{server.url}/models")):
            assert (answer.status_code, answer.json()["type"]) == (503, "/problems/store-unavailable")
            assert "Try again later" in answer.json()["detail"]
        assert time.monotonic() - start < 10
        assert httpx.get(f"{server.url}/livez").status_code == 200
        with running_s3(int(environment["AWS_ENDPOINT_URL"].rpartition(":")[2])):
            assert server.models() == [model_id]
            assert predict(server.url, model_id).status_code == 200
            assert adapt(server.url, steps=0).status_code == 201
    finally:
        server.stop()
