"""What tests share: a running server, a client of it, and drawings."""

from __future__ import annotations

import os
import shutil
import ssl
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from app.server.process import ENVIRONMENT
from kshot import Client
from models.checkpoint import SHIPPED
from tests.serving import Server

MAX_BODY_BYTES = 4 * 2**20
LONG = (
    "app/server/test_several_processes.py",
    "test_readme.py",
    "test_examples.py",
    "meta_training/test_train_command.py",
    "kshot/test_retries.py",
    "meta_training/test_photo_command.py",
    "page",
    "faults",
    "benchmarks/test_inner_loop.py",
)
"""Where tests take longest, from half a minute up: at the end they would run in one process, and the others wait."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest; `--dist loadfile` hands them out in this order."""
    here = Path(__file__).parent
    items.sort(key=lambda item: not item.path.relative_to(here).as_posix().startswith(LONG))


@pytest.fixture(scope="session", autouse=True)
def checkpoint_for_drawings(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Servers start with `omniglot` alone, which is quick, unless a test says otherwise."""
    folder = tmp_path_factory.mktemp("checkpoints")
    shutil.copy(SHIPPED / "omniglot.safetensors", folder)
    os.environ |= {"KSHOT_CHECKPOINTS": str(folder), "KSHOT_CHECKPOINT": "omniglot"}
    os.environ |= ENVIRONMENT  # else each `kshot serve` starts itself anew with it


@pytest.fixture(scope="session", autouse=True)
def certificates_read_once() -> Iterator[None]:
    """Each `httpx.get` would read all certificates of the machine, 25 ms, to speak plain HTTP to the loopback."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ssl, "create_default_context", cache(ssl.create_default_context))
        yield


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that all tests share, with a small limit of body size."""
    settings = {"max_body_bytes": MAX_BODY_BYTES, "refusals_per_second": 10_000}  # many tests are refused
    server = Server(tmp_path_factory.mktemp("server"), **settings)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with the shipped checkpoints, as `make serve` starts it; tests share it too."""
    server = Server(tmp_path_factory.mktemp("shipped"), checkpoints=SHIPPED, checkpoint="photo")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    with Client(server.url) as client:
        yield client


@pytest.fixture(scope="session")
def drawings() -> Path:
    """Omniglot drawings: support/<class>/, query/<class>/ and more/<class>/; tests of models and training use it."""
    return Path(__file__).parent / "data" / "drawings"
