"""How the server starts, and what it says when it cannot."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from models.networks.conv4.compiled.kernels import compilation
from tests.app.drawings import adapt
from tests.serving import Server, wait_until


def test_a_check_loads_the_checkpoints_and_ends(tmp_path: Path) -> None:
    kshot = [str(Path(sys.executable).parent / "kshot"), "serve", "--check", "--store", str(tmp_path / "models")]
    done = subprocess.run(kshot, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout) == (0, "Ready to serve omniglot.\n")
    (tmp_path / "omniglot.safetensors").write_bytes(b"damaged")
    done = subprocess.run([*kshot, "--checkpoints", str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "omniglot.safetensors is truncated" in done.stderr


def test_readiness_is_told_from_life(server: Server) -> None:
    assert httpx.get(f"{server.url}/livez").json() == {"status": "alive"}
    assert httpx.get(f"{server.url}/readyz").json() == {"status": "ready"}


def test_the_log_says_once_what_compiles_the_inner_loop(server: Server) -> None:
    server.wait_for_log(f'"compiler": "{compilation.describe()}"')
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
    ("name", "value", "said"),
    [
        ("KSHOT_CHECKPOINT", "nope", "no nope.safetensors"),
        ("KSHOT_PORT", "90000", "KSHOT_PORT: Input should be less than or equal to 65535, not 90000"),
        ("KSHOT_STORE", "gs://bucket/models", "gs://bucket/models is a URL that is not supported"),
    ],
)
def test_a_server_that_cannot_start_says_why(tmp_path: Path, name: str, value: str, said: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "kshot", "serve"],
        env={**os.environ, "KSHOT_PORT": "0", "KSHOT_STORE": str(tmp_path), name: value},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode != 0
    assert said in done.stderr
