"""What the chart runs, run here: a rollout under load fails no request, and the pod ends in the time it has."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count

import httpx
import pytest

from tests.app.drawings import QUERY, SUPPORT, adapt, predict
from tests.app.half_sent import HalfSent
from tests.deploy.chart import the
from tests.deploy.pod import ADDRESS, Pod
from tests.serving import free_port, wait_until

INSTALLATION = "a shared volume"


@pytest.fixture(scope="module")
def pods(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Pod, Pod]]:
    """One pod and its successor, on one volume."""
    folder = tmp_path_factory.mktemp("rollout")
    old, new = (Pod(INSTALLATION, folder / name, folder / "volumes") for name in ("old", "new"))
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(Pod.start, (old, new)))
    yield old, new
    for pod in (old, new):
        pod.stop()


def test_a_pod_passes_its_probes_and_answers_by_the_names_it_has_in_the_cluster(pods: tuple[Pod, Pod]) -> None:
    _, pod = pods
    assert all(pod.passes(probe) for probe in ("startupProbe", "readinessProbe", "livenessProbe"))

    def status(host: str, path: str = "/metrics") -> int:
        return httpx.get(pod.url + path, headers={"Host": host}).status_code

    names = ("shop-kshot", "shop-kshot.prod", "shop-kshot.prod.svc", "shop-kshot.prod.svc.cluster.local:80")
    names += ("kshot.example", "kshot.internal", f"{ADDRESS}:8000")
    assert {name: status(name) for name in names} == dict.fromkeys(names, 200)
    assert status("evil.example") == 403


def test_the_pod_of_helm_test_succeeds_with_the_server_and_fails_without(pods: tuple[Pod, Pod]) -> None:
    def run(url: str) -> int:
        (container,) = the("Pod", INSTALLATION)["spec"]["containers"]
        _, *arguments = (argument.replace("http://shop-kshot:80", url) for argument in container["command"])
        return subprocess.run([sys.executable, *arguments], capture_output=True, check=False).returncode

    assert run(pods[1].url) == 0
    assert run(f"http://127.0.0.1:{free_port()}") != 0


class Service:
    """Deals requests out among the pods that are ready."""

    def __init__(self, *pods: Pod) -> None:
        self.pods = pods
        self.over = threading.Event()
        self._turn = count()

    def url(self) -> str:
        pods = self.pods
        return pods[next(self._turn) % len(pods)].url

    def send(self) -> int:
        """Adapt by one pod and predict by another, until it is over; return how often. Raises httpx.HTTPError."""
        for done in count():
            if self.over.is_set():
                return done
            model = adapt(self.url(), SUPPORT[::5], steps=3).raise_for_status().json()
            predict(self.url(), model["id"], QUERY[:1]).raise_for_status()
        raise AssertionError

    @contextmanager
    def under_load(self, clients: int) -> Iterator[list[Future[int]]]:
        with ThreadPoolExecutor(clients) as pool:
            try:
                yield [pool.submit(self.send) for _ in range(clients)]
            finally:
                self.over.set()


def test_a_rollout_under_load_fails_no_request_and_ends_in_time(pods: tuple[Pod, Pod]) -> None:
    old, new = pods
    granted = old.spec["terminationGracePeriodSeconds"]
    service = Service(old, new)
    with service.under_load(clients=3) as sent:
        time.sleep(0.5)
        uploads = [HalfSent(old) for _ in range(3)]
        # Kubernetes stops sending requests to a pod while its kubelet begins to end it, and may need longer for that.
        threading.Timer(0.3, setattr, (service, "pods", (new,))).start()
        start = time.monotonic()
        old.pause()
        old.terminate()
        wait_until(lambda: not old.passes("readinessProbe"), 5)
        assert old.passes("livenessProbe")
        assert [upload.finish().status for upload in uploads] == [201] * 3
        assert old.wait(granted) == 0
        assert time.monotonic() - start < granted
    assert len(new.models()) == len(uploads) + sum(client.result() for client in sent)
