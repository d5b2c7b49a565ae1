"""Idempotency-Key: a request for a model that comes again gets its first answer, and makes no second model."""

from __future__ import annotations

import os
import random
import socket
import time
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from httpx_sse import connect_sse
from PIL import Image

from app.service.idempotency import KeyedLocks
from app.store.interface import RECORD_SECONDS
from app.tenants.keys import KeyFile
from tests.app.drawings import SUPPORT, adapt, images, label, labels
from tests.app.refusals import problem
from tests.serving import Server, wait_until

RETRIES = 20
KILLS = 2
LONG = 500  # steps: a second and more, in which much can happen


@pytest.fixture(scope="module")
def sweeping(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("sweeping"), sweep_seconds=0.1, max_steps=LONG)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def own(sweeping: Server) -> Iterator[Server]:
    """A server that sweeps all the time, whose store is empty and may be changed by hand."""
    yield sweeping
    for model_id in sweeping.models():
        httpx.delete(f"{sweeping.url}/models/{model_id}").raise_for_status()
    for record in records(sweeping):
        record.unlink()


@pytest.fixture
def key() -> str:
    return str(uuid4())


def send(server: Server, key: str, token: str = "", paths: list[Path] = SUPPORT, **fields: object) -> httpx.Response:
    headers = {"Idempotency-Key": key} | ({"Authorization": f"Bearer {token}"} if token else {})
    return adapt(server.url, paths, headers, **fields)


def replayed(answer: httpx.Response) -> bool:
    return answer.raise_for_status().headers.get("idempotent-replayed") == "true"


def records(server: Server) -> list[Path]:
    """The intent and then the answer, if there is one request."""
    return sorted(server.store.rglob("*.record"), key=lambda path: path.stat().st_mtime_ns)


def test_a_retry_gets_the_first_answer_and_makes_no_model(server: Server, key: str) -> None:
    before = server.models()
    first, again = send(server, key), send(server, key)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert again.headers["location"] == first.headers["location"] == f"/models/{first.json()['id']}"
    assert (replayed(first), replayed(again)) == (False, True)
    assert len(server.models()) == len(before) + 1


def test_without_a_key_or_with_another_each_request_makes_a_model(server: Server, key: str) -> None:
    answers = [adapt(server.url, steps=0), adapt(server.url, steps=0), send(server, key, steps=0)]
    answers.append(send(server, f"{key}-2", steps=0))
    assert len({answer.json()["id"] for answer in answers}) == 4
    assert not any(map(replayed, answers))


def test_a_version_is_made_once_too(server: Server, key: str) -> None:
    parents = [adapt(server.url, steps=0).json()["id"] for _ in range(2)]

    def revise(parent: str) -> httpx.Response:
        url = f"{server.url}/models/{parent}/versions"
        return httpx.post(url, data={"remove": "0"}, headers={"Idempotency-Key": key}, timeout=60)

    first, again, other = (revise(parent) for parent in (parents[0], parents[0], parents[1]))
    assert again.content == first.content
    assert (replayed(first), replayed(again), replayed(other)) == (False, True, False)
    assert other.json()["parent"] == parents[1]


def test_many_retries_at_once_make_one_model_and_one_answer(server: Server, key: str) -> None:
    before = server.models()
    with ThreadPoolExecutor(RETRIES) as pool:
        answers = list(pool.map(lambda _: send(server, key), range(RETRIES)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert sorted(map(replayed, answers)) == [False] + [True] * (RETRIES - 1)
    assert len(server.models()) == len(before) + 1


@pytest.mark.parametrize(
    ("paths", "fields"),
    [(SUPPORT, {"steps": 1}), (SUPPORT, {"steps": 0, "name": "other"}), (SUPPORT[1:], {"steps": 0})],
)
def test_another_request_with_the_key_is_refused(
    server: Server, key: str, paths: list[Path], fields: dict[str, object]
) -> None:
    first = send(server, key, steps=0).json()
    before = server.models()
    refused = send(server, key, paths=paths, **fields)
    document = problem(refused, 422, "idempotency-key-reused", field="Idempotency-Key")
    assert first["id"] in document["detail"]
    assert "new key" in document["detail"]
    assert server.models() == before
    assert replayed(send(server, key, steps=0))


def test_other_images_or_the_same_under_other_names_are_another_request(server: Server, key: str) -> None:
    pair = [SUPPORT[0], SUPPORT[-1]]
    url, form, headers = f"{server.url}/adapt", labels(pair) | {"steps": ["0"]}, {"Idempotency-Key": key}
    files = images(pair)
    httpx.post(url, files=files, data=form, headers=headers).raise_for_status()
    (field, (name, contents)), last = files
    renamed, changed = (field, ("other.png", contents)), (field, (name, SUPPORT[1].read_bytes()))
    for others in ([renamed, last], [changed, last], [last, renamed]):
        problem(httpx.post(url, files=others, data=form, headers=headers), 422, "idempotency-key-reused")


@pytest.mark.parametrize("key", ["", "x" * 256, "a\tb", "\u00fc"])
@pytest.mark.usefixtures("unharmed")
def test_invalid_keys_are_refused(server: Server, key: str) -> None:
    headers = {"Idempotency-Key": key.encode("latin-1")}
    answer = httpx.post(f"{server.url}/adapt", files=images(SUPPORT), data=labels(SUPPORT), headers=headers)
    problem(answer, 422, "request-invalid", field="Idempotency-Key")


@pytest.mark.parametrize("key", ["x" * 255, '"a b~!"'])
def test_valid_keys_are_accepted(server: Server, key: str) -> None:
    assert replayed(send(server, key, steps=0)) is False
    assert replayed(send(server, key, steps=0)) is True


def test_an_error_is_not_remembered_and_the_request_may_be_mended(own: Server, key: str) -> None:
    problem(send(own, key, steps=1000), 422, "steps-out-of-range")
    assert records(own) == []
    assert not replayed(send(own, key))
    assert len(own.models()) == 1


def test_a_model_that_was_deleted_since_is_still_answered(server: Server, key: str) -> None:
    first = send(server, key, steps=0)
    httpx.delete(server.url + first.headers["location"]).raise_for_status()
    again = send(server, key, steps=0)
    assert (again.content, replayed(again)) == (first.content, True)
    assert first.json()["id"] not in server.models()


def test_a_retry_that_takes_events_gets_the_last_alone(server: Server, key: str) -> None:
    form = {"data": labels(SUPPORT), "files": images(SUPPORT), "headers": {"Idempotency-Key": key}}
    with httpx.Client() as http:
        with connect_sse(http, "POST", f"{server.url}/adapt", **form) as source:
            *steps, done = source.iter_sse()
            assert "idempotent-replayed" not in source.response.headers
        with connect_sse(http, "POST", f"{server.url}/adapt", **form) as source:
            again = list(source.iter_sse())
            assert replayed(source.response)
    assert len(steps) > 1
    assert [(event.event, event.data) for event in again] == [("done", done.data)]
    assert send(server, key).json()["id"] == done.json()["id"]


def test_a_client_that_left_while_it_was_computed_gets_a_model_later(own: Server, key: str) -> None:
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(
            f"{own.url}/adapt",
            files=images(SUPPORT),
            data=labels(SUPPORT) | {"steps": [str(LONG)]},
            headers={"Idempotency-Key": key},
            timeout=0.3,
        )
    first, again = send(own, key, steps=LONG), send(own, key, steps=LONG)
    assert first.content == again.content
    assert own.models() == [first.json()["id"]]


def test_a_retry_that_waits_for_a_client_that_leaves_goes_on(own: Server, key: str) -> None:
    request = httpx.Client().build_request(
        "POST",
        f"{own.url}/adapt",
        files=images(SUPPORT),
        data=labels(SUPPORT) | {"steps": [str(LONG)]},
        headers={"Idempotency-Key": key},
    )
    head = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
    with socket.create_connection(("127.0.0.1", own.port)) as leaving, ThreadPoolExecutor(1) as pool:
        leaving.sendall(f"POST /adapt HTTP/1.1\r\n{head}\r\n".encode() + request.read())
        time.sleep(0.3)
        waiting = pool.submit(send, own, key, steps=LONG)
        time.sleep(0.3)
        assert not waiting.done()
        leaving.close()
        assert not replayed(waiting.result())
    own.wait_for_log('"status": 499')
    assert own.models() == [waiting.result().json()["id"]]


def test_a_killed_server_made_no_model_that_a_retry_makes_again(own: Server) -> None:
    def try_once(key: str) -> httpx.Response | None:
        with suppress(httpx.TransportError):
            return send(own, key, paths=SUPPORT[::5])
        return None

    for kill in range(1, KILLS + 1):
        key = str(uuid4())
        with ThreadPoolExecutor(1) as pool:
            attempt = pool.submit(try_once, key)
            wait_until(lambda: len(list(own.store.glob("*.safetensors"))) == kill)  # noqa: B023 it's waited for
            time.sleep(random.Random(kill).uniform(0, 0.01))  # noqa: S311
            own.kill()
            first = attempt.result()
        own.start()
        again, third = (send(own, key, paths=SUPPORT[::5]) for _ in range(2))
        assert replayed(again)
        assert again.content == third.content == (first or again).content
        assert len(own.models()) == kill


def test_the_answer_for_a_model_that_was_kept_but_not_answered_is_rebuilt(
    own: Server, key: str, tmp_path: Path
) -> None:
    blank = tmp_path / label(SUPPORT[0]) / "blank.png"
    blank.parent.mkdir()
    Image.new("L", (105, 105), 255).save(blank)
    first = send(own, key, paths=[*SUPPORT, blank])
    records(own)[1].unlink()  # as if the server had died before it wrote it
    again, third = (send(own, key, paths=[*SUPPORT, blank]) for _ in range(2))
    assert [each["type"] for each in again.json()["warnings"]] == ["blank"]
    assert replayed(again)
    assert again.content == third.content
    assert again.json() | {"timings_ms": None} == first.json() | {"timings_ms": None}
    assert len(own.models()) == 1


def test_a_model_that_was_not_kept_is_made_under_the_id_it_should_have_had(own: Server, key: str) -> None:
    first = send(own, key).json()
    records(own)[1].unlink()
    httpx.delete(f"{own.url}/models/{first['id']}").raise_for_status()  # as if the server had died before it wrote it
    again = send(own, key)
    assert not replayed(again)
    assert own.models() == [first["id"]] == [again.json()["id"]]


def test_after_a_day_nothing_of_a_key_is_left_and_it_is_new(own: Server, key: str) -> None:
    first = send(own, key, steps=0).json()
    then = time.time() - RECORD_SECONDS - 1
    for record in records(own):
        os.utime(record, (then, then))
    wait_until(lambda: not records(own))
    assert {path.stem for path in own.store.iterdir() if path.is_file()} == {first["id"]}
    assert send(own, key, steps=1).json()["id"] != first["id"]


def test_a_key_is_its_tenants_and_a_full_quota_keeps_no_answer_back(tmp_path: Path, key: str) -> None:
    keys = KeyFile(tmp_path / "keys.json")
    alice, bob = (keys.add(name, max_models=1)[1] for name in ("alice", "bob"))
    server = Server(tmp_path, keys=keys.path)
    server.start()
    try:
        ours, theirs = (send(server, key, token, steps=steps) for token, steps in ((alice, 0), (bob, 1)))
        assert not replayed(ours)
        assert not replayed(theirs)
        assert ours.json()["id"] != theirs.json()["id"]
        assert send(server, key, alice, steps=0).content == ours.content
        problem(send(server, str(uuid4()), alice, steps=0), 403, "quota-reached")
    finally:
        server.stop()


def test_a_lock_is_forgotten_when_nobody_holds_it() -> None:
    locks = KeyedLocks()
    lock = locks.of("alice", "name")
    assert locks.of("alice", "name") is lock
    assert locks.of("bob", "name") is not lock
    forgotten = weakref.ref(lock)
    del lock
    assert forgotten() is None
