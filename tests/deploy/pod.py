"""A pod of the chart as a process here: its very command, environment and probes; port and volumes are others."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import httpx

from tests.deploy.chart import environment_of, pod_of
from tests.serving import Command

ADDRESS = "10.244.1.7"


class Pod(Command):
    """Does what the kubelet does with a pod."""

    def __init__(self, installation: str, directory: Path, volumes: Path) -> None:
        """Take a folder for its log, and one that has a folder for each volume."""
        self.spec = pod_of(installation)["spec"]
        (self.container,) = self.spec["containers"]
        self.variables = environment_of(installation, ADDRESS)
        mounts = {mount["mountPath"]: volumes / mount["name"] for mount in self.container["volumeMounts"]}
        given = {name: _mounted(value, mounts) for name, value in self.variables.items()}
        directory.mkdir()
        super().__init__(directory)
        self.settings = {
            name.removeprefix("KSHOT_").lower(): value for name, value in given.items() if "KSHOT_" in name
        }
        self.settings["port"] = self.port

    def command(self) -> list[str]:
        """Return the container's command, by this Python."""
        return [sys.executable, "-m", *self.container["command"]]

    def start(self, until: str = "") -> None:
        """Start it, and wait as long as its startup probe does."""
        super().start(until or self.container["startupProbe"]["httpGet"]["path"])

    def passes(self, probe: str) -> bool:
        """Whether it passes a probe, for which the kubelet asks by its address."""
        asked = self.container[probe]
        headers = {"Host": f"{ADDRESS}:{self.variables['KSHOT_PORT']}"}
        return httpx.get(
            self.url + asked["httpGet"]["path"], headers=headers, timeout=asked["timeoutSeconds"]
        ).is_success

    def pause(self) -> None:
        """Wait as before SIGTERM."""
        time.sleep(self.container["lifecycle"]["preStop"]["sleep"]["seconds"])

    def terminate(self) -> None:
        """Send SIGTERM."""
        assert self.process
        self.process.terminate()

    def wait(self, seconds: float) -> int:
        """Return how it ended, within so many seconds."""
        assert self.process
        return self.process.wait(seconds)


def _mounted(value: str, mounts: dict[str, Path]) -> str:
    """Return a path as it is here. All that the server may write to is mounted."""
    if not value.startswith("/"):
        return value
    (folder,) = (folder for path, folder in mounts.items() if value.startswith(path))
    return str(folder)
