"""A clock that jumps, forward and back: the server's is shifted, and its monotonic one left as it is (clock.c)."""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from app.tenants.keys import KeyFile
from kshot import Client
from kshot.errors import APIError
from tests.app.drawings import FOLDER, QUERY
from tests.serving import Command, Server, wait_until

COMPILE = ["cc", "-shared", "-fPIC", "-o"]
DAY = timedelta(days=1)
RATE = 4  # requests a minute


class Clock:
    """That of a server."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.file.write_bytes(bytes(8))

    def set(self, offset: timedelta) -> None:
        """From the true time."""
        with self.file.open("r+b") as file:  # in place: it is mapped
            file.write(struct.pack("q", int(offset.total_seconds())))


@pytest.fixture(scope="module")
def clock(tmp_path_factory: pytest.TempPathFactory) -> Clock:
    return Clock(tmp_path_factory.mktemp("clock") / "offset")


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> KeyFile:
    keys = KeyFile(tmp_path_factory.mktemp("keys") / "keys.json")
    keys.add("nobody")
    return keys


@pytest.fixture(scope="module")
def server(clock: Clock, keys: KeyFile, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    if not shutil.which("cc"):
        pytest.skip("needs a C compiler, to shift the clock")
    folder = tmp_path_factory.mktemp("shifted")
    subprocess.run([*COMPILE, folder / "clock.so", Path(__file__).with_name("clock.c")], check=True)
    server = Command(folder, keys=keys.path, sweep_seconds=0.2, max_steps=10**5, max_image_steps=10**7)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LD_PRELOAD", str(folder / "clock.so"))
        patch.setenv("KSHOT_CLOCK", str(clock.file))
        server.start()
    yield server
    server.stop()


@pytest.fixture
def client(clock: Clock, keys: KeyFile, server: Server, request: pytest.FixtureRequest) -> Iterator[Client]:
    """Of a tenant for each test."""
    name = request.node.name.replace("_", "-")[:60]
    _, token = keys.add(name, requests_per_minute=RATE if "rate" in name else None)
    with Client(server.url, api_key=token) as client:
        yield client
    clock.set(timedelta())


def status(client: Client, model_id: str) -> int:
    try:
        client.predict(model_id, QUERY[:1])
    except APIError as error:
        return error.problem.status
    return 200


def test_ids_are_in_order_though_the_clock_is_set_back(clock: Clock, client: Client) -> None:
    made = []
    for offset in (timedelta(), DAY, -DAY, -400 * DAY, timedelta()):
        clock.set(offset)
        made += [client.adapt(FOLDER, steps=0).id for _ in range(3)]
        listed = [model.id for model in client.models()]
        assert listed == made[::-1]
        assert [status(client, model_id) for model_id in made] == [200] * len(made)


def test_models_live_as_long_as_the_clock_says(server: Server, clock: Clock, client: Client) -> None:
    kept = client.adapt(FOLDER, steps=0).id
    longer = client.adapt(FOLDER, steps=0, ttl_seconds=2 * 86400).id
    short = client.adapt(FOLDER, steps=0, ttl_seconds=3600)
    assert short.expires_at == short.created_at + timedelta(hours=1)
    clock.set(-DAY)  # not expired, though its life ends before it began
    early = client.adapt(FOLDER, steps=0, ttl_seconds=3600)
    assert early.expires_at == early.created_at + timedelta(hours=1)
    time.sleep(1)  # sweeps
    assert [status(client, each) for each in (kept, longer, short.id, early.id)] == [200] * 4
    clock.set(DAY)
    wait_until(lambda: len(list(server.store.glob(f"*/{short.id}*"))) == 0, 10)
    assert [status(client, each) for each in (kept, longer, short.id, early.id)] == [200, 200, 404, 404]
    assert {model.id for model in client.models()} == {kept, longer}
    clock.set(timedelta())
    assert [status(client, each) for each in (kept, longer, short.id)] == [200, 200, 404]


def test_no_request_hangs_or_is_late_by_a_jump(server: Server, clock: Clock, client: Client) -> None:
    with ThreadPoolExecutor(1) as pool:
        for offset in (DAY, -DAY):
            start = time.monotonic()
            long = pool.submit(client.adapt, FOLDER, steps=100)
            time.sleep(0.5)
            clock.set(offset)
            assert not long.done()
            assert client.adapt(FOLDER, steps=0).steps == 0
            made = long.result(30)
            assert 0 < made.timings_ms.adapt < (time.monotonic() - start) * 1e3
            assert 0 <= made.timings_ms.queue < 10_000
    lines = [json.loads(line) for line in server.log.read_text().splitlines()]
    took = [line["ms"] for line in lines if line["event"] == "request"]
    assert all(0 <= ms < 60_000 for ms in took)


def test_the_rate_of_requests_is_not_of_the_clock(clock: Clock, client: Client) -> None:
    for _ in range(RATE):
        client.checkpoints()
    for offset in (timedelta(), DAY, -DAY):
        clock.set(offset)
        with pytest.raises(APIError) as refused:
            client.checkpoints()
        assert refused.value.problem.status == 429
        assert "minute" in str(refused.value)
