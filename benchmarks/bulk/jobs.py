"""`kshot bulk` as a process: how long it takes, of which time and which memory."""

import re
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import psutil

LOOK_SECONDS = 0.1
HEAD_BYTES = 1000  # a journal without rows has fewer
MB = 2**20


class Followed(NamedTuple):
    """A file that grows, and the seconds and seconds of cores since the job began."""

    seconds: float
    cpu_seconds: float
    bytes: int


@dataclass
class Job:
    """A run that has ended, or was killed."""

    output: str = ""
    seconds: float = 0
    cpu_seconds: float = 0
    memory: list[tuple[float, int]] = field(default_factory=list)
    """When it was looked at, and the bytes of its own that were in memory then, without files' pages."""
    followed: list[Followed] = field(default_factory=list)
    """What the file that was followed had, from its first rows on."""

    @property
    def model_id(self) -> str:
        """The model that it says that it made."""
        found: str = re.findall(r"Model ([0-9a-f]{32})", self.output)[0]
        return found

    @property
    def peak_mb(self) -> float:
        """Most memory."""
        return max(each for _, each in self.memory) / MB

    def mean_mb(self, begin: float, end: float) -> float:
        """Mean memory between two shares of the run."""
        last = self.memory[-1][0]
        found = [each for at, each in self.memory if begin * last <= at <= end * last]
        return sum(found) / len(found) / MB


def bulk(
    store: Path, *arguments: object, follow: Path | None = None, kill_after: tuple[Path, int] | None = None
) -> Job:
    """Run `kshot bulk` and wait; or until a file has so many bytes, and kill it then, as kill -9 does."""
    command = [sys.executable, "-m", "kshot", "bulk", *map(str, arguments), "--store", str(store)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    job, began = Job(), time.monotonic()
    watched = psutil.Process(process.pid)

    def watch() -> None:
        while process.poll() is None:
            try:
                memory, times = watched.memory_info(), watched.cpu_times()
            except psutil.NoSuchProcess:
                return
            job.memory.append((time.monotonic() - began, memory.rss - memory.shared))
            job.cpu_seconds = times.user + times.system
            if follow and _size(follow) > HEAD_BYTES:
                job.followed.append(Followed(time.monotonic() - began, job.cpu_seconds, _size(follow)))
            if kill_after and _size(kill_after[0]) >= kill_after[1]:
                process.kill()
            time.sleep(LOOK_SECONDS)

    watcher = threading.Thread(target=watch)
    watcher.start()
    job.output, _ = process.communicate()
    job.seconds = time.monotonic() - began
    watcher.join()
    if process.returncode and not kill_after:
        raise RuntimeError(f"{' '.join(command)} failed: run it to see why.")
    return job


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
