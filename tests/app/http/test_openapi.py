"""/openapi.json says what the service does: each answer it may give, and no other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from app.http.problems import MEDIA_TYPE
from tests.serving import Server


@pytest.fixture
def document(server: Server) -> dict[str, Any]:
    document: dict[str, Any] = httpx.get(f"{server.url}/openapi.json").json()
    return document


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        yield from [node["$ref"]] if isinstance(node.get("$ref"), str) else []
        node = list(node.values())
    if isinstance(node, list):
        for each in node:
            yield from references(each)


@pytest.mark.parametrize(
    ("path", "method", "statuses"),
    [
        ("/adapt", "post", {"200", "201", "400", "403", "408", "413", "415", "422", "503", "504"}),
        ("/predict", "post", {"200", "400", "404", "408", "409", "413", "415", "422", "500", "503", "504"}),
        ("/inspect", "post", {"200", "400", "408", "413", "415", "422", "503"}),
        ("/models", "get", {"200", "422", "503"}),
        ("/models/{model_id}", "get", {"200", "404", "500", "503"}),
        ("/models/{model_id}", "delete", {"204", "404", "503"}),
        ("/models/{model_id}", "patch", {"200", "400", "404", "408", "413", "422", "500", "503"}),
        (
            "/models/{model_id}/versions",
            "post",
            {"200", "201", "400", "403", "404", "408", "409", "413", "415", "422", "500", "503", "504"},
        ),
        (
            "/models/{model_id}/evaluate",
            "post",
            {"200", "400", "404", "408", "409", "413", "415", "422", "500", "503", "504"},
        ),
        (
            "/models/{model_id}/rank",
            "post",
            {"200", "400", "404", "408", "409", "413", "415", "422", "500", "503", "504"},
        ),
        ("/models/{model_id}/export", "get", {"200", "404", "409", "422", "500", "503"}),
        ("/models/{model_id}/images/{index}", "get", {"200", "404", "409", "422", "500", "503"}),
    ],
)
def test_statuses_are_those_that_occur(document: dict[str, Any], path: str, method: str, statuses: set[str]) -> None:
    assert set(document["paths"][path][method]["responses"]) == statuses | {"401", "429"}


def test_errors_are_problems_and_nothing_else(document: dict[str, Any]) -> None:
    for path in document["paths"].values():
        for operation in path.values():
            errors = {status: each for status, each in operation["responses"].items() if status >= "400"}
            assert all(set(each["content"]) == {MEDIA_TYPE} for each in errors.values())
    assert "HTTPValidationError" not in document["components"]["schemas"]


def test_every_schema_that_is_named_is_there(document: dict[str, Any]) -> None:
    named = {reference.removeprefix("#/components/schemas/") for reference in references(document)}
    assert {"Problem", "FieldProblem", "AdaptForm"} <= named <= set(document["components"]["schemas"])


@pytest.mark.parametrize(
    "path", ["/adapt", "/predict", "/inspect", "/models/{model_id}/versions", "/models/{model_id}/evaluate"]
)
def test_forms_are_described_as_generators_of_clients_need_it(document: dict[str, Any], path: str) -> None:
    operation = document["paths"][path]["post"]
    ((kind, content),) = operation["requestBody"]["content"].items()  # of several they would choose JSON
    assert kind == "multipart/form-data"
    fields = document["components"]["schemas"][content["schema"]["$ref"].rpartition("/")[2]]["properties"]
    assert fields["images"]["items"]["format"] == "binary"
    lists = {name for name, field in fields.items() if field.get("type") == "array"}
    assert set(content["encoding"]) == lists - {"images"}
    assert all(encoding["explode"] for encoding in content["encoding"].values())
    assert operation["requestBody"]["x-also-taken"]["application/json"]


def test_fields_have_examples(document: dict[str, Any]) -> None:
    assert document["components"]["schemas"]["AdaptForm"]["properties"]["steps"]["examples"] == [5]


def test_a_key_is_named_where_one_is_asked_for(document: dict[str, Any]) -> None:
    assert document["components"]["securitySchemes"]["apiKey"]["scheme"] == "bearer"
    assert document["paths"]["/adapt"]["post"]["security"] == [{"apiKey": []}, {}]
    assert "security" not in document["paths"]["/livez"]["get"]
