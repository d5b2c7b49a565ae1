"""What tests share: a running server, and drawings."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serving import Server

MAX_BODY_BYTES = 4 * 2**20


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that all tests share, with a small limit of body size."""
    server = Server(tmp_path_factory.mktemp("server"), max_body_bytes=MAX_BODY_BYTES)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def drawings() -> Path:
    """Omniglot drawings: support/<class>/, query/<class>/ and more/<class>/; tests of models and training use it."""
    return Path(__file__).parent / "data" / "drawings"
