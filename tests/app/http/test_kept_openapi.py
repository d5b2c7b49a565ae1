"""What clients were written against stays: everything in the OpenAPI document that was kept is in today's, and
requests that were kept beside it are answered as they were."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.app.drawings import FOLDER
from tests.serving import Server

DATA = Path(__file__).parents[2] / "data"
KEPT = json.loads((DATA / "openapi.json").read_text())
REQUESTS = json.loads((DATA / "requests.json").read_text())
# What may change: words, and what is taken when a field is left out.
WORDS = {"title", "summary", "description", "examples", "example", "default", "tags", "info"}


def lost(kept: Any, now: Any, place: str = "") -> Iterator[str]:
    """Yield what is in one document and not in the other: paths, methods, parameters, fields, types, enum values."""
    if isinstance(kept, dict) and isinstance(now, dict):
        for name, value in kept.items():
            if name not in now:
                yield f"{place}/{name}"
            elif name not in WORDS or place.endswith("/properties"):
                yield from lost(value, now[name], f"{place}/{name}")
    elif isinstance(kept, list) and isinstance(now, list):
        yield from (f"{place}: {each}" for each in kept if all(any(lost(each, other)) for other in now))
    elif kept != now:
        yield f"{place}: {kept}"


def required(document: Any) -> set[tuple[str, ...]]:
    """Return every field that a request has to have."""
    schemas = document["components"]["schemas"]
    calls = [
        (path, method, document["paths"][path][method]) for path, methods in KEPT["paths"].items() for method in methods
    ]
    fields = {
        (path, method, each["name"])
        for path, method, call in calls
        for each in call.get("parameters", [])
        if each.get("required")
    }
    for path, method, call in calls:
        for media in call.get("requestBody", {}).get("content", {}).values():
            name = media["schema"]["$ref"].rpartition("/")[2]
            fields |= {(path, method, field) for field in schemas[name].get("required", [])}
    return fields


@pytest.fixture
def now(server: Server) -> Any:
    return httpx.get(f"{server.url}/openapi.json").json()


def test_everything_that_was_there_still_is(now: Any) -> None:
    for part in ("paths", "components"):
        assert list(lost(KEPT[part], now[part])) == []


def test_nothing_is_asked_for_that_was_not(now: Any) -> None:
    assert required(now) <= required(KEPT)


def test_requests_that_were_kept_are_answered_as_they_were(server: Server) -> None:
    model_id = ""
    with httpx.Client(base_url=server.url, timeout=60) as client:
        for request in REQUESTS:
            operation = KEPT["paths"][request["path"]][request["method"].lower()]
            assert set(sent(request)) <= set(taken(operation)), "it isn't one by the document that was kept"
            assert str(request["status"]) in operation["responses"]
            answer = replayed(client, request, model_id)
            assert answer.status_code == request["status"], answer.text
            model_id = model_id or answer.json()["id"]


def replayed(client: httpx.Client, request: Any, model_id: str) -> httpx.Response:
    """Send a request that was kept, about the model that the first made."""
    form = request.get("form", {})
    named = {"model_id": model_id} if "model_id" in form else {}
    drawings = [(name, path) for name, paths in request.get("files", {}).items() for path in paths]
    files = [(name, (path, (FOLDER / path).read_bytes())) for name, path in drawings]
    return client.request(
        request["method"],
        request["path"].format(model_id=model_id, index=0),
        params=request.get("query"),
        headers=request.get("headers"),
        json=request.get("json"),
        data={**form, **named},
        files=files or None,
    )


def sent(request: Any) -> Iterator[str]:
    """Yield the names of what a request sends."""
    for part in ("query", "headers", "form", "files", "json"):
        yield from request.get(part, ())


def taken(operation: Any) -> Iterator[str]:
    """Yield the names of what an operation takes."""
    yield from (each["name"] for each in operation.get("parameters", []))
    for media in operation.get("requestBody", {}).get("content", {}).values():
        yield from KEPT["components"]["schemas"][media["schema"]["$ref"].rpartition("/")[2]]["properties"]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda document: document["paths"].pop("/adapt"),
        lambda document: document["paths"]["/models/{model_id}"].pop("patch"),
        lambda document: document["components"]["schemas"]["AdaptForm"]["properties"].pop("name"),
        lambda document: document["components"]["schemas"]["Prediction"]["properties"].pop("score"),
        lambda document: document["paths"]["/models"]["get"]["parameters"].pop(),
    ],
)
def test_a_loss_is_seen(spoil: Any) -> None:
    spoiled = json.loads(json.dumps(KEPT))
    spoil(spoiled)
    assert any(lost(KEPT, spoiled))
    assert not any(lost(KEPT, KEPT))
