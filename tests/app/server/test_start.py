"""How the server starts, and what it says when it cannot."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.app.drawings import adapt
from tests.serving import Server, free_port, wait_until, why_it_does_not_start


def test_a_check_loads_the_checkpoints_and_ends(tmp_path: Path) -> None:
    kshot = [str(Path(sys.executable).parent / "kshot"), "serve", "--check", "--store", str(tmp_path / "models")]
    done = subprocess.run(kshot, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout) == (0, "Ready to serve omniglot.\n")
    (tmp_path / "omniglot.safetensors").write_bytes(b"damaged")
    assert "omniglot.safetensors is truncated" in why_it_does_not_start("--checkpoints", tmp_path)


def test_readiness_is_told_from_life(server: Server) -> None:
    assert httpx.get(f"{server.url}/livez").json() == {"status": "alive"}
    assert httpx.get(f"{server.url}/readyz").json() == {"status": "ready"}


def test_the_log_says_once_what_compiles_the_inner_loop(server: Server) -> None:
    server.wait_for_log('"compiler": "nothing')  # tests' servers have no numba, but for the one in test_process.py
    assert server.log.read_text().count('"compiler"') == 1


def test_a_server_with_a_damaged_checkpoint_lives_but_is_never_ready(tmp_path: Path) -> None:
    (tmp_path / "omniglot.safetensors").write_bytes(b"damaged")
    server = Server(tmp_path, checkpoints=tmp_path)
    server.start(until="/livez")
    try:
        wait_until(lambda: "loading" not in httpx.get(f"{server.url}/readyz").text)
        answer = httpx.get(f"{server.url}/readyz")
        assert (answer.status_code, answer.json()["type"]) == (503, "/problems/not-ready")
        assert "could not load" in answer.json()["detail"]
        assert adapt(server.url).status_code == 503
        assert "omniglot.safetensors" in server.log.read_text()
    finally:
        server.stop()


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--checkpoint", "nope", "no nope.safetensors"),
        ("--port", "90000", "KSHOT_PORT: Input should be less than or equal to 65535, not 90000"),
        ("--store", "gs://bucket/models", "gs://bucket/models is a URL that is not supported"),
        ("--store", __file__, "KSHOT_STORE"),
        ("--device", "cuda:99", "cuda:99 is not there"),
    ],
)
def test_a_server_that_cannot_start_says_why(tmp_path: Path, option: str, value: str, said: str) -> None:
    assert said in why_it_does_not_start(option, value, KSHOT_STORE=tmp_path)


def test_a_server_that_cannot_start_ends_at_once(tmp_path: Path) -> None:
    kshot = [sys.executable, "-m", "kshot", "serve", "--checkpoint", "nope", "--store", str(tmp_path)]
    done = subprocess.run(kshot, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "KSHOT_CHECKPOINT" in done.stderr
    assert "Traceback" not in done.stderr


def test_its_log_ends_with_the_address_to_open_once_it_is_ready(tmp_path: Path) -> None:
    server = Server(tmp_path)
    server.start()
    try:
        server.wait_for_log(f"Open {server.url} ")
        lines = [json.loads(line) for line in server.log.read_text().splitlines()]
        events = [line["event"] for line in lines if line["event"] != "request"]
        assert events[-1] == f"Open {server.url} (its API: {server.url}/docs; Ctrl-C stops the server)"
    finally:
        server.stop()


def test_on_a_terminal_its_log_is_for_people_and_ctrl_c_ends_it(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    port = free_port()
    command = [sys.executable, "-m", "kshot", "serve", "--port", str(port), "--store", str(tmp_path)]
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True)
    os.close(theirs)
    said = b""
    try:
        while f"Open http://127.0.0.1:{port} ".encode() not in said:
            said += os.read(ours, 10_000)
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    assert b"no API keys" in said
    assert b"{" not in said
    assert len(said.splitlines()) < 10
