"""`kshot serve --processes 2`: one port, one store, and nobody notices that they are two."""

from __future__ import annotations

import os
import re
import shutil
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psutil
import pytest

from app.server.supervisor import ENDED_AT_ONCE, GAVE_UP
from tests.app.drawings import QUERY, SUPPORT, adapt, predict
from tests.serving import Command, Server, wait_until


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Command(tmp_path_factory.mktemp("pair"), processes=2)
    server.start()
    wait_until(lambda: len(ready(server)) == 2, 60)
    yield server
    server.stop()


def serving(server: Server) -> list[psutil.Process]:
    """The processes that serve: forks of a child that has imported all that they import."""
    assert server.process
    return [fork for child in psutil.Process(server.process.pid).children() for fork in child.children()]


def ready(server: Server) -> set[int]:
    """The processes that listen."""
    return {each.pid for each in serving(server) if any(it.status == "LISTEN" for it in each.net_connections())}


def test_a_model_answers_on_whichever_process_is_asked(pair: Server) -> None:
    model_id = adapt(pair.url, steps=0).json()["id"]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: predict(pair.url, model_id, QUERY[:1]), range(24)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["predictions"][0]["label"] for answer in answers}) == 1
    httpx.delete(f"{pair.url}/models/{model_id}").raise_for_status()
    assert {predict(pair.url, model_id, QUERY[:1]).status_code for _ in range(8)} == {404}


def test_metrics_count_what_all_processes_did(pair: Server) -> None:
    def adaptations() -> float:
        text = httpx.get(f"{pair.url}/metrics").text
        found = re.findall(r'kshot_requests_total\{method="POST",route="/adapt",status="201"\} (\S+)', text)
        return float(found[0]) if found else 0.0

    before = adaptations()
    for _ in range(6):
        assert adapt(pair.url, SUPPORT[::5], steps=0).status_code == 201
    wait_until(lambda: adaptations() == before + 6, 5)


def test_a_process_that_dies_is_started_again_while_the_other_answers(pair: Server) -> None:
    killed = min(ready(pair))
    os.kill(killed, signal.SIGKILL)
    # Not only out of sight: until it is gone its socket may still be given a connection, which is then reset.
    wait_until(lambda: not psutil.pid_exists(killed), 5)
    assert httpx.get(f"{pair.url}/readyz").status_code == 200
    wait_until(lambda: len(ready(pair)) == 2, 60)


def test_sigterm_drains_what_serves_and_ends_what_cannot_yet(pair: Server) -> None:
    before = set(serving(pair))
    os.kill(min(ready(pair)), signal.SIGKILL)
    wait_until(lambda: bool(set(serving(pair)) - before), 10)
    assert pair.process
    with ThreadPoolExecutor(4) as pool:
        accepted = [pool.submit(adapt, pair.url, steps=50) for _ in range(4)]
        answers = [each.result() for each in accepted[:2]]
        pair.process.terminate()
        answers += [each.result() for each in accepted[2:]]
    assert {answer.status_code for answer in answers} <= {201, 503}
    assert pair.process.wait(30) == 0
    kept = {path.stem for path in pair.store.glob("*.safetensors")}
    assert {answer.json()["id"] for answer in answers if answer.status_code == 201} <= kept


def test_processes_that_cannot_start_any_more_are_given_up(tmp_path: Path) -> None:
    checkpoints = tmp_path / "checkpoints"
    shutil.copytree(os.environ["KSHOT_CHECKPOINTS"], checkpoints)
    server = Command(tmp_path, processes=2, checkpoints=checkpoints)
    server.start()
    assert server.process
    wait_until(lambda: len(ready(server)) == 2, 60)
    shutil.rmtree(checkpoints)
    os.kill(min(ready(server)), signal.SIGKILL)
    assert server.process.wait(180) == GAVE_UP
    log = server.log.read_text()
    assert "There is no omniglot.safetensors" in log
    assert "giving up" in log


def test_a_second_signal_ends_all_at_once(tmp_path: Path) -> None:
    server = Command(tmp_path, processes=2, max_steps=10**6, max_image_steps=10**9)
    server.start()
    assert server.process
    with ThreadPoolExecutor(1) as pool:
        pool.submit(adapt, server.url, steps=10**5)
        time.sleep(1)
        server.process.terminate()
        time.sleep(0.5)
        assert server.process.poll() is None
        server.process.terminate()
        assert server.process.wait(5) == ENDED_AT_ONCE
