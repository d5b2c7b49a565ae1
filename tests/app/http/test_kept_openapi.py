"""What clients were written against stays: everything in the OpenAPI document that was kept is in today's."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.serving import Server

KEPT = json.loads((Path(__file__).parents[2] / "data" / "openapi.json").read_text())
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
