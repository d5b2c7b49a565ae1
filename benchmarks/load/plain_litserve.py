"""A LitServe service: one worker, one computation at a time, on all of torch's threads; images come as base64 in JSON.

    python -m benchmarks.load.plain_litserve 9002 omniglot

A worker has the models in its memory, so both kinds of request go to it.
"""

from base64 import b64decode
from typing import Any

import litserve
import typer

from benchmarks.load.plain import Tenants


class Adaptation(litserve.LitAPI):  # type: ignore[misc]
    """Adapts where there are labels, else predicts."""

    def __init__(self, checkpoint: str) -> None:
        super().__init__()
        self.checkpoint = checkpoint

    def setup(self, device: str) -> None:
        """Loads the checkpoint."""
        self.tenants = Tenants(self.checkpoint)

    def decode_request(self, request: dict[str, Any]) -> dict[str, Any]:
        """Files from base64."""
        return request | {"images": [b64decode(image) for image in request["images"]]}

    def predict(self, x: dict[str, Any]) -> dict[str, Any]:
        """One request."""
        if "labels" in x:
            return {"id": self.tenants.adapt(x["images"], x["labels"], x.get("steps"))}
        return {"labels": self.tenants.predict(x["model_id"], x["images"])}


def main(port: int, checkpoint: str) -> None:
    api = Adaptation(checkpoint)
    server = litserve.LitServer(api, accelerator="cpu", timeout=False)
    server.run(port=port, log_level="error", access_log=False, generate_client_file=False)


if __name__ == "__main__":
    typer.run(main)
