"""A disk that is full, or has become read-only: told in words, nothing half-written, and all the rest goes on.

The disk is a small one of the server's own, in memory, in a mount namespace that ends with the server.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from itertools import count
from pathlib import Path
from typing import TypeAlias

import httpx
import pytest

from models.atomic_file import LOCK_SECONDS, locked
from tests.app.drawings import QUERY, SUPPORT, adapt, adapt_zip, class_folders, predict, zipped
from tests.app.refusals import problem
from tests.faults.watchdog import STALL, Watchdog, open_files
from tests.serving import Command, Server, wait_until

NAMESPACE = ["unshare", "--map-root-user", "--mount"]
MOUNT = ["mount", "-t", "tmpfs", "-o", "size=32m,nr_inodes=256", "kshot"]
MANY = 40

Fault: TypeAlias = "Callable[[SmallDisk], AbstractContextManager[None]]"


def may_mount(folder: Path) -> bool:
    """As root, or where users may have namespaces."""
    try:
        return subprocess.run([*NAMESPACE, *MOUNT, folder], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


class SmallDisk(Command):
    """A server whose models, and uploads while they are received, are on a disk of 32 MB."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory, store=directory / "disk" / "models")
        self.mount = directory / "disk"
        self.mount.mkdir()

    def command(self) -> list[str]:
        script = f'{" ".join(MOUNT)} "$0" && mkdir "$0/tmp" && TMPDIR="$0/tmp" exec "$@"'
        return [*NAMESPACE, "sh", "-c", script, str(self.mount), *super().command()]

    @property
    def disk(self) -> Path:
        """As we can reach it."""
        assert self.process
        return Path(f"/proc/{self.process.pid}/root{self.mount}")

    def remount(self, how: str) -> None:
        assert self.process
        inside = ["nsenter", f"--target={self.process.pid}", "--user", "--mount", "--preserve-credentials"]
        subprocess.run([*inside, "mount", "-o", f"remount,{how}", self.mount], check=True)

    def files(self) -> set[str]:
        """Those of models, and what should not be there."""
        return {path.name for path in (self.disk / "models").iterdir()}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallDisk]:
    folder = tmp_path_factory.mktemp("small")
    if not may_mount(folder):
        pytest.skip("needs to mount a small disk: as root, or where users may have namespaces")
    server = SmallDisk(folder)
    server.start()
    yield server
    server.stop()


def make(server: Server) -> httpx.Response:
    return adapt(server.url, SUPPORT[::5], steps=0)


def until_it_fails(work: Callable[[], object]) -> None:
    while True:
        work()


@contextmanager
def no_room(server: SmallDisk) -> Iterator[None]:
    """But for the beginning of a model."""
    filler = server.disk / "filler"
    with filler.open("wb", buffering=0) as file:
        with pytest.raises(OSError, match="No space left"):
            until_it_fails(lambda: file.write(bytes(2**14)))
        file.truncate(file.tell() - 2**16)
    yield
    filler.unlink()


@contextmanager
def no_files(server: SmallDisk) -> Iterator[None]:
    """None may be made, though there is room."""
    folder = server.disk / "files"
    folder.mkdir()
    names = count()
    with pytest.raises(OSError, match="No space left"):
        until_it_fails(lambda: (folder / f"{next(names)}").touch())
    yield
    shutil.rmtree(folder)


@contextmanager
def read_only(server: SmallDisk) -> Iterator[None]:
    server.remount("ro")
    yield
    server.remount("rw")


FAULTS: dict[Fault, str] = {no_room: "No space left", no_files: "No space left", read_only: "Read-only"}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_cannot_be_kept_is_refused_in_words_and_all_else_goes_on(server: SmallDisk, fault: Fault) -> None:
    model_id = make(server).raise_for_status().json()["id"]
    expected = predict(server.url, model_id, QUERY[:2]).json()["predictions"]
    before, models = server.files(), server.models()
    with fault(server):
        for _ in range(2):
            refused = problem(make(server), 503, "store-unavailable")
            assert FAULTS[fault] in refused["detail"]
        renamed = httpx.patch(f"{server.url}/models/{model_id}", json={"name": "new"})
        assert FAULTS[fault] in problem(renamed, 503, "store-unavailable")["detail"]
        assert server.files() == before
        assert server.models() == models
        assert httpx.get(f"{server.url}/models/{model_id}").json()["name"] is None
        assert predict(server.url, model_id, QUERY[:2]).json()["predictions"] == expected
        assert httpx.get(f"{server.url}/readyz").status_code == 200
    assert make(server).status_code == 201


@pytest.mark.parametrize("fault", [no_room, no_files])
def test_deleting_a_model_makes_room(server: SmallDisk, fault: Fault) -> None:
    model_id = make(server).raise_for_status().json()["id"]
    with fault(server):
        assert make(server).status_code == 503
        assert httpx.delete(f"{server.url}/models/{model_id}").status_code == 204
        assert make(server).status_code == 201


def test_an_upload_that_finds_no_room_is_not_called_malformed(server: SmallDisk) -> None:
    archive = zipped(class_folders() | {".DS_Store": os.urandom(2 * 2**20)})  # beyond what is kept in memory
    assert adapt_zip(server.url, archive).status_code == 201
    before = open_files(server)
    with no_room(server):
        problem(adapt_zip(server.url, archive), 503, "uploads-unavailable")
    assert adapt_zip(server.url, archive).status_code == 201
    # An upload is closed once its answer is on its way.
    wait_until(lambda: len(open_files(server)) <= len(before), why=lambda: str(open_files(server)))


def test_a_folder_that_another_process_keeps_locked_holds_up_changes_alone(server: SmallDisk) -> None:
    model_id = make(server).raise_for_status().json()["id"]
    before = server.files()
    with locked(server.disk / "models"), ThreadPoolExecutor(MANY) as pool, Watchdog(server) as watchdog:
        refused = [pool.submit(make, server) for _ in range(MANY)]
        asked = 0
        while not any(each.done() for each in refused):
            predict(server.url, model_id, QUERY[:1]).raise_for_status()
            httpx.get(f"{server.url}/models/{model_id}").raise_for_status()
            asked += 1
            time.sleep(0.05)  # leave the cores to what is waited for
        assert asked > 1  # the last may have waited with the changes, until the first of them gave up
        for each in refused:
            assert "locked" in problem(each.result(), 503, "store-unavailable")["detail"]
            assert each.result().elapsed.total_seconds() < 3 * LOCK_SECONDS
    assert watchdog.stall < STALL
    assert server.files() == before
    assert make(server).status_code == 201
