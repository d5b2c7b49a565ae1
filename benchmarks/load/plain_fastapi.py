"""A plain FastAPI service: blocking routes in FastAPI's threads, one computation at a time, on all of torch's threads.

    python -m benchmarks.load.plain_fastapi 9001 omniglot

Without the lock it is slower: 32 computations at once fight for the cores.
"""

from threading import Lock
from typing import Annotated

import typer
import uvicorn
from fastapi import FastAPI, Form, UploadFile

from benchmarks.load.plain import Tenants


def make_app(checkpoint: str) -> FastAPI:
    app, tenants, lock = FastAPI(), Tenants(checkpoint), Lock()

    @app.post("/adapt", status_code=201)
    def adapt(
        images: list[UploadFile], labels: Annotated[list[str], Form()], steps: Annotated[int | None, Form()] = None
    ) -> dict[str, str]:
        files = [image.file.read() for image in images]
        with lock:
            return {"id": tenants.adapt(files, labels, steps)}

    @app.post("/predict")
    def predict(model_id: Annotated[str, Form()], images: list[UploadFile]) -> dict[str, list[str]]:
        files = [image.file.read() for image in images]
        with lock:
            return {"labels": tenants.predict(model_id, files)}

    @app.get("/health")
    def health() -> str:
        return "ok"

    return app


def main(port: int, checkpoint: str) -> None:
    uvicorn.run(make_app(checkpoint), port=port, log_level="error", access_log=False)


if __name__ == "__main__":
    typer.run(main)
