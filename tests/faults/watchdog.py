"""Watches a running server from a process of its own: its event loop, its memory, its open files.

`python -m tests.faults.watchdog <port> <pid>` prints a line of JSON for each question to /livez, until it is ended.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path
from types import TracebackType

from tests.serving import Server

ROOT = Path(__file__).parent.parent.parent
PAUSE = 0.01
STALL = 0.5  # seconds that a test lets pass on any machine; the long run of the fuzzer asks for 0.1


def main(port: int, pid: int) -> None:
    """Asks again and again, over one connection."""
    connection = HTTPConnection("127.0.0.1", port, timeout=60)  # a server that hangs ends the watch, and fails the test
    while True:
        start, waited = time.perf_counter(), _cpu_wait(pid)
        connection.request("GET", "/livez")
        answer = connection.getresponse()
        assert answer.status == HTTPStatus.OK, answer.read()
        answer.read()
        seconds = time.perf_counter() - start
        # Less what the machine's other work cost it: the time that it could run, and no core was free.
        own = seconds - (_cpu_wait(pid) - waited)
        print(json.dumps({"seconds": seconds, "own": own}), flush=True)  # noqa: T201
        time.sleep(PAUSE)


def _cpu_wait(pid: int) -> float:
    """Seconds that the server's event loop and this process waited for a core."""
    loop, own = Path(f"/proc/{pid}/schedstat"), Path("/proc/self/schedstat")
    return sum(int(each.read_text().split()[1]) for each in (loop, own)) / 1e9


class Watchdog:
    """While it is open it watches; afterwards it knows the longest stall, in seconds."""

    def __init__(self, server: Server) -> None:
        assert server.process
        self.server, self.pid = server, server.process.pid

    def __enter__(self) -> Watchdog:
        command = [sys.executable, "-m", "tests.faults.watchdog", str(self.server.port), str(self.pid)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        assert self._process.stdout
        self._process.stdout.readline()  # it watches
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdout
        one = self._process.stdout.readline()  # however short the time was
        self._process.terminate()
        lines = [one.strip(), *self._process.communicate()[0].splitlines()]
        answers = [json.loads(line) for line in lines if line.endswith("}")]
        assert answers, "the server did not answer /livez"
        self.stall = max(answer["own"] for answer in answers)
        self.longest = max(answer["seconds"] for answer in answers)
        self.questions = len(answers)


def memory(server: Server) -> int:
    """Bytes that the server's process has in memory."""
    assert server.process
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmRSS"))


def open_files(server: Server) -> list[str]:
    """What the server's process has open that is a file, deleted temporary ones too."""
    assert server.process
    found = []
    for each in Path(f"/proc/{server.process.pid}/fd").iterdir():
        try:
            found.append(str(each.readlink()))
        except FileNotFoundError:  # closed meanwhile
            continue
    return [name for name in found if name.startswith("/") and not name.startswith("/dev")]


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
