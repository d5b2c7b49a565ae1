"""What tests of the service share: proof that a refusal did no harm."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.app.drawings import QUERY, SUPPORT, adapt, predict
from tests.faults.watchdog import STALL, Watchdog, open_files
from tests.s3 import running_s3
from tests.serving import Server, wait_until


@pytest.fixture(scope="module")
def unstalled(server: Server) -> Iterator[Server]:
    """The server, which answers others all the while."""
    with Watchdog(server) as watchdog:
        yield server
    assert watchdog.stall < STALL


@pytest.fixture
def unharmed(unstalled: Server) -> Iterator[None]:
    """Nothing is stored or left open by the test, and the server still does its work."""
    server = unstalled
    model_id = adapt(server.url, SUPPORT[::5], steps=0).json()["id"]
    before, process, opened = server.models(), server.process, len(open_files(server))
    yield
    assert server.models() == before
    wait_until(lambda: len(open_files(server)) <= opened, 5, lambda: str(open_files(server)))
    assert not list(server.store.glob("*.part"))
    assert process is not None
    assert process.poll() is None
    assert predict(server.url, model_id, QUERY[:1]).status_code == 200


@pytest.fixture(scope="session")
def s3() -> Iterator[dict[str, str]]:
    """An S3-compatible server with a bucket named `models`; gives the environment variables that lead to it."""
    with running_s3() as environment:
        yield environment
