"""What tests of the service share: a client, and proof that a refusal did no harm."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from app.client import Client
from tests.app.drawings import QUERY, SUPPORT, adapt, predict
from tests.s3 import running_s3
from tests.serving import Server


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    with Client(server.url) as client:
        yield client


@pytest.fixture
def unharmed(server: Server) -> Iterator[None]:
    """Nothing is stored by the test, and the server still does its work."""
    model_id = adapt(server.url, SUPPORT[::5], steps=0).json()["id"]
    before, process = server.models(), server.process
    yield
    assert server.models() == before
    assert not list(server.store.glob("*.part"))
    assert process is not None
    assert process.poll() is None
    assert predict(server.url, model_id, QUERY[:1]).status_code == 200


@pytest.fixture(scope="session")
def s3() -> Iterator[dict[str, str]]:
    """An S3-compatible server with a bucket named `models`; gives the environment variables that lead to it."""
    with running_s3() as environment:
        yield environment
