"""The service on Ray Serve, on this machine, as `serve run` starts it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import psutil
import yaml

from tests.serving import Server, wait_until

START_SECONDS = 180  # of Ray, and of what it imports in five processes


class RayServer(Server):
    """Replicas of Ray's behind its proxy; `scale` is what deploy.ray:app takes, settings are KSHOT_* variables."""

    def __init__(self, directory: Path, scale: dict[str, object], **settings: object) -> None:
        super().__init__(directory, **settings)
        self.config = directory / "serve.yaml"
        application = {"name": "kshot", "import_path": "deploy.ray:app", "args": scale}
        http = {"host": "127.0.0.1", "port": self.port}
        self.config.write_text(yaml.safe_dump({"http_options": http, "applications": [application]}))
        self.settings["allow_anonymous"] = True
        # The environment of `kshot serve` reaches replicas by the application, and Ray's own processes do without.
        self.environment = {"RAY_USAGE_STATS_ENABLED": "0"}

    def start(self, until: str = "/readyz") -> None:
        """Start it, and return when `until` answers 200."""
        settings = {f"KSHOT_{name.upper()}": str(value) for name, value in self.settings.items()}
        command = [str(Path(sys.executable).with_name("serve")), "run", str(self.config)]
        with self.log.open("ab") as log:
            environment = {**os.environ, **self.environment, **settings}
            self.process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        wait_until(lambda: self._ended() or self._answers(until), START_SECONDS, self.log.read_text)
        assert not self._ended(), self.log.read_text()

    def stop(self) -> None:
        """End it, and all that Ray started."""
        if self.process:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(60)

    def replicas(self) -> list[psutil.Process]:
        """Return the processes of the replicas."""
        return self._processes("ray::ServeReplica:")

    def exported(self) -> str:
        """Return the metrics that Ray gives to Prometheus."""
        ports = [
            each.laddr.port
            for agent in self._processes("ray::DashboardAgent")
            for each in agent.net_connections("tcp")
            if each.status == psutil.CONN_LISTEN
        ]
        return "".join(map(_metrics_at, ports))

    def _processes(self, title: str) -> list[psutil.Process]:
        assert self.process
        ours = psutil.Process(self.process.pid).children(recursive=True)
        return [each for each in ours if _title(each).startswith(title)]

    def counts(self, name: str, looks: int = 30) -> dict[str, float]:
        """Return this counter of each replica that answers, by when it began."""
        found = {}
        for _ in range(looks):
            said = httpx.get(f"{self.url}/metrics").raise_for_status().text
            ((began,), values) = (re.findall(rf"^{each} (\S+)$", said, re.M) for each in (BEGAN, re.escape(name)))
            found[began] = float(*values)
        return found


BEGAN = "process_start_time_seconds"


def _title(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:  # it has ended meanwhile
        return ""


def _metrics_at(port: int) -> str:
    """Return what is at a port, which may be one for other things than metrics."""
    try:
        answer = httpx.get(f"http://127.0.0.1:{port}/metrics")
    except httpx.HTTPError:
        return ""
    return answer.text if answer.is_success else ""
