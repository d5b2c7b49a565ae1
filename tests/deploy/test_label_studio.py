"""deploy/label_studio.py keeps the contract of Label Studio's ML backends, by requests as Label Studio sends them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.label_studio import Backend, interface_of, server
from kshot import Client
from tests.app.drawings import CLASSES, DRAWINGS, QUERY, SUPPORT, label

CONFIG = (
    '<View><Image name="picture" value="$image"/>'
    '<Choices name="class" toName="picture"><Choice value="a"/><Choice value="b"/></Choices></View>'
)
ASKED: list[str | None] = []


class Studio(SimpleHTTPRequestHandler):
    """Label Studio's uploads, which need its token."""

    def do_GET(self) -> None:
        ASKED.append(self.headers.get("Authorization"))
        super().do_GET()

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the base class's name
        """Keep the tests' output clean."""


def running(started: ThreadingHTTPServer) -> Iterator[str]:
    threading.Thread(target=started.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{started.server_port}"
    started.shutdown()
    started.server_close()


@pytest.fixture
def studio() -> Iterator[str]:
    yield from running(ThreadingHTTPServer(("127.0.0.1", 0), partial(Studio, directory=str(DRAWINGS))))


@pytest.fixture
def backend(client: Client, tmp_path: Path) -> Iterator[str]:
    yield from running(server(Backend(client, tmp_path), "127.0.0.1", 0))


def post(backend: str, path: str, body: Any) -> httpx.Response:
    return httpx.post(f"{backend}{path}", json=body, timeout=60)


def task(number: int, path: Path) -> dict[str, Any]:
    return {"id": number, "data": {"image": f"/{path.relative_to(DRAWINGS).as_posix()}"}}


def annotate(
    backend: str, project: int, number: int, path: Path, choice: str, action: str = "CREATED"
) -> httpx.Response:
    result = [{"from_name": "class", "to_name": "picture", "type": "choices", "value": {"choices": [choice]}}]
    body = {
        "action": f"ANNOTATION_{action}",
        "project": {"id": project, "label_config": CONFIG},
        "task": task(number, path),
        "annotation": {"id": number, "result": result},
    }
    return post(backend, "/webhook", body)


def predict(backend: str, project: int) -> list[dict[str, Any]]:
    tasks = [task(100 + number, path) for number, path in enumerate(QUERY)]
    request = {"tasks": tasks, "project": f"{project}.1700000000", "label_config": CONFIG, "params": {}}
    found: list[dict[str, Any]] = post(backend, "/predict", request).raise_for_status().json()["results"]
    return found


def share_right(results: list[dict[str, Any]]) -> float:
    said = [each["result"][0]["value"]["choices"][0] for each in results]
    return sum(one == label(path) for one, path in zip(said, QUERY, strict=True)) / len(QUERY)


def test_a_project_is_pre_annotated_and_improves_as_it_is_annotated(
    client: Client, studio: str, backend: str, tmp_path: Path
) -> None:
    assert httpx.get(f"{backend}/health").json()["status"] == "UP"
    setup = {"project": "7.1700000000", "schema": CONFIG, "hostname": studio, "access_token": "secret"}
    assert "model_version" in post(backend, "/setup", setup).raise_for_status().json()
    assert [each["result"] for each in predict(backend, 7)] == [[]] * len(QUERY)
    annotated = [SUPPORT[start + turn] for turn in range(2) for start in range(0, len(SUPPORT), 5)]
    shares = []
    for number, path in enumerate(annotated):
        annotate(backend, 7, number, path, label(path)).raise_for_status()
        if number in (1, len(annotated) - 1):
            shares.append(share_right(predict(backend, 7)))
    assert shares[0] <= 2 / len(CLASSES)
    assert shares[1] >= 0.8
    assert set(ASKED) == {"Token secret"}
    (result,) = predict(backend, 7)[0]["result"]
    assert (result["from_name"], result["to_name"], result["type"]) == ("class", "picture", "choices")

    annotate(backend, 7, 0, annotated[0], CLASSES[1], "UPDATED").raise_for_status()
    model = client.model(post(backend, "/setup", setup).json()["model_version"])
    assert (model.shots[CLASSES[0]], model.shots[CLASSES[1]]) == (1, 3)
    again = Backend(client, tmp_path)  # after a restart the project has its model
    assert again.setup(setup)["model_version"] == model.id


def test_what_it_can_not_do_it_says(backend: str) -> None:
    assert post(backend, "/setup", {"project": "8", "schema": "<View/>"}).status_code == 400
    assert post(backend, "/predict", {}).status_code == 400
    assert post(backend, "/nothing", {}).status_code == 404
    assert annotate(backend, 8, 1, QUERY[0], "a", "DELETED").json()["result"] == "nothing to learn"
    local = {"tasks": [], "project": "8", "label_config": CONFIG}
    assert post(backend, "/predict", local).json()["results"] == []
    assert interface_of(CONFIG) == ("class", "picture", "image")
