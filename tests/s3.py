"""A real S3-compatible server on the loopback."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import httpx
from moto.moto_server.threaded_moto_server import ThreadedMotoServer

BUCKET = "models"


@contextmanager
def running_s3(port: int = 0) -> Iterator[dict[str, str]]:
    """With the BUCKET; gives the environment variables that lead to it. A later one has what this one had."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=port, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        url = f"http://{host}:{port}"
        httpx.put(f"{url}/{BUCKET}").raise_for_status()
        yield {
            "AWS_ENDPOINT_URL": url,
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_REGION": "us-east-1",
        }
    finally:
        server.stop()
