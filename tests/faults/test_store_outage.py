"""A bucket that cannot be reached, that hangs, or that is slow: answers in time, and as before when it is back."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.app.drawings import QUERY, SUPPORT, adapt, predict
from tests.app.refusals import problem
from tests.faults.proxy import Proxy
from tests.faults.watchdog import Watchdog
from tests.s3 import running_s3
from tests.serving import Server, wait_until

SECONDS = 1  # of a request to the store
FRESH_SECONDS = 3
IN_TIME = 3 * SECONDS + 2  # a wait for a thread, a request, one that was tried again; and the machine's other work
NO_ID = "0" * 32
MANY = 40  # as many as anyio has threads, for all that blocks


@pytest.fixture(scope="module")
def network() -> Iterator[Proxy]:
    """Between the server and its store."""
    with (
        running_s3() as environment,
        Proxy(int(environment["AWS_ENDPOINT_URL"].rpartition(":")[2])) as proxy,
        pytest.MonkeyPatch.context() as patch,
    ):
        for name, value in environment.items():
            patch.setenv(name, value)
        patch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{proxy.port}")
        yield proxy


@pytest.fixture(scope="module")
def server(network: Proxy, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("outage")
    server = Server(folder, store="s3://models/outage", store_seconds=SECONDS, store_fresh_seconds=FRESH_SECONDS)
    server.start()
    yield server
    network.up()
    server.stop()


@pytest.fixture
def model_id(server: Server, network: Proxy) -> str:
    network.up()
    return str(adapt(server.url, SUPPORT[::5], steps=0).raise_for_status().json()["id"])


def unavailable(answer: httpx.Response) -> bool:
    """In time, and in words."""
    assert answer.elapsed.total_seconds() < IN_TIME
    return "Try again later" in problem(answer, 503, "store-unavailable")["detail"]


def many_at_once() -> httpx.Client:
    return httpx.Client(timeout=60, limits=httpx.Limits(max_connections=None))


def works_again(server: Server, model_id: str) -> bool:
    made = adapt(server.url, SUPPORT[::5], steps=0).raise_for_status().json()["id"]
    assert {made, model_id} <= set(server.models())
    return predict(server.url, model_id).status_code == 200


@pytest.mark.parametrize("fault", ["refuse", "cut", "stall"])
def test_an_outage_is_told_in_time_and_needs_no_restart(
    server: Server, network: Proxy, model_id: str, fault: str
) -> None:
    models = server.models()
    first = predict(server.url, model_id).json()["predictions"]
    getattr(network, fault)()
    # Until others may have changed it, from memory; then not, as it may have been deleted.
    assert predict(server.url, model_id).json()["predictions"] == first
    wait_until(lambda: predict(server.url, model_id).status_code == 503, FRESH_SECONDS + IN_TIME)
    assert unavailable(predict(server.url, model_id))
    assert unavailable(adapt(server.url, SUPPORT[::5], steps=0))
    assert unavailable(httpx.get(f"{server.url}/models", timeout=60))
    assert unavailable(httpx.get(f"{server.url}/models/{model_id}", timeout=60))
    assert unavailable(httpx.delete(f"{server.url}/models/{model_id}", timeout=60))
    assert httpx.get(f"{server.url}/readyz").status_code == 200
    network.up()
    assert server.models() == models
    assert works_again(server, model_id)


@pytest.mark.alone  # it holds the event loop to a tenth of a second
def test_requests_that_hang_in_the_store_hold_up_nothing_else(server: Server, network: Proxy, model_id: str) -> None:
    upload = [("images", (f"{number}.png", bytes(2 * 2**20))) for number in range(2)]  # to disk, by threads
    calls = [("GET", ""), ("DELETE", ""), ("GET", "/images")] * MANY
    with ThreadPoolExecutor(len(calls)) as pool, many_at_once() as client, Watchdog(server) as watchdog:
        assert predict(server.url, model_id).status_code == 200  # so that it need not be asked for again soon
        network.stall()
        hanging = [pool.submit(client.request, method, f"{server.url}/models/{NO_ID}{part}") for method, part in calls]
        time.sleep(SECONDS / 2)
        assert predict(server.url, model_id, QUERY[:1]).status_code == 200
        assert httpx.get(f"{server.url}/readyz").status_code == 200
        assert httpx.get(f"{server.url}/").status_code == 200
        assert httpx.post(f"{server.url}/adapt", files=upload).status_code == 422
        assert not all(each.done() for each in hanging)
        assert all(unavailable(each.result()) for each in hanging)
    assert watchdog.stall < 0.1
    network.up()
    assert works_again(server, model_id)


def test_a_slow_store_makes_for_slow_answers(server: Server, network: Proxy, model_id: str) -> None:
    network.up(delay=SECONDS / 2)
    start = time.monotonic()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: adapt(server.url, SUPPORT[::5], steps=0), range(8)))
    assert [answer.status_code for answer in answers] == [201] * 8
    assert time.monotonic() - start > SECONDS / 2
    assert predict(server.url, model_id).status_code == 200
    network.up()
    assert {answer.json()["id"] for answer in answers} <= set(server.models())
