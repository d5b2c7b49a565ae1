"""kshot on Ray Serve: two replicas of a core each, behind Ray's own proxy or HAProxy."""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx

from app.tenants.keys import KeyFile
from benchmarks.server import ROOT, free_port

REPLICAS, CORES = 2, 0.2
"""Ray has as many cores to give as there are, and its proxy takes one; what a replica asks for limits nothing."""
STARTUP_SECONDS = 180
ANSWERS = 50  # of which each replica has given some


@contextmanager
def running_ray(by_haproxy: bool, keys: Path, **settings: str) -> Iterator[str]:
    """Start Ray, its proxy and the replicas, with these keys and KSHOT_* settings without the prefix; give the URL."""
    _, metrics_key = KeyFile(keys).add("prometheus", metrics=True)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as name:
        config = Path(name, "serve.json")
        scale = {"min_replicas": REPLICAS, "max_replicas": REPLICAS, "cpus": CORES}
        applications = [{"name": "kshot", "import_path": "deploy.ray:app", "args": scale}]
        config.write_text(json.dumps({"http_options": {"port": port}, "applications": applications}))
        given = {"store": str(Path(name, "store")), "log_level": "error", "keys": str(keys), **settings}
        environment = {f"KSHOT_{key.upper()}": value for key, value in given.items()}
        environment |= {"RAY_SERVE_ENABLE_HA_PROXY": str(int(by_haproxy)), "RAY_SERVE_LOG_TO_STDERR": "0"}
        process = subprocess.Popen(
            [str(Path(sys.executable).with_name("serve")), "run", str(config)],
            env={**os.environ, **environment},
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            _wait_until_all_answer(url, metrics_key, process)
            yield url
        finally:
            process.terminate()  # a benchmark in the background has an interrupt ignored, by its children too
            process.wait(timeout=60)


def _wait_until_all_answer(url: str, metrics_key: str, process: subprocess.Popen[bytes]) -> None:
    """Return when every replica has answered: each began at its own time, to a hundredth of a second, mostly."""
    deadline, seen = time.monotonic() + STARTUP_SECONDS, list[str]()
    headers = {"Authorization": f"Bearer {metrics_key}"}
    while len(set(seen)) < REPLICAS and len(seen) < ANSWERS:
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError("Ray Serve did not become ready: run `serve run deploy.ray:app` to see why.")
        with suppress(httpx.TransportError):
            answer = httpx.get(f"{url}/metrics", headers=headers)
            seen += re.findall(r"^process_start_time_seconds (\S+)", answer.text, re.M)
        time.sleep(0.2)
