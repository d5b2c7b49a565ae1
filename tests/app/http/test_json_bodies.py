"""A form may be sent as JSON: the same fields, limits and answers, with files in base64."""

from __future__ import annotations

import base64
import io
import json
import tracemalloc
from typing import Any

import httpx
import pytest

from app.http.forms import json_form
from tests.app.drawings import QUERY, SUPPORT, adapt, class_folders, labels, predict, zipped
from tests.app.refusals import problem
from tests.serving import Server


def coded(data: bytes) -> str:
    return base64.b64encode(data).decode()


NO_FILE = "send the file's bytes as a text, in base64 or as a data: URL"
SUPPORT_JSON = {"images": [coded(path.read_bytes()) for path in SUPPORT], **labels(SUPPORT)}


def test_json_makes_the_model_that_a_form_makes(server: Server) -> None:
    form = adapt(server.url).json()
    sent = httpx.post(f"{server.url}/adapt", json=SUPPORT_JSON | {"name": "目", "keep_images": True, "seed": None})
    assert sent.status_code == 201, sent.text
    made = sent.json()
    assert made["name"] == "目"
    assert [made[field] for field in ("shots", "loss_curve")] == [form[field] for field in ("shots", "loss_curve")]

    url = f"data:image/png;base64,{coded(QUERY[0].read_bytes())}"
    asked = {"model_id": made["id"], "images": [url, coded(b"no picture")], "top_k": 1, "on_error": "skip"}
    answer = httpx.post(f"{server.url}/predict", json=asked).json()
    said = predict(server.url, form["id"], QUERY[:1]).json()["predictions"][0]
    assert [(each["label"], each["score"]) for each in answer["predictions"]] == [(said["label"], said["score"])]
    assert answer["errors"][0]["detail"].startswith("images[1] is")

    changes = {"remove": [0], "remove_class": [made["classes"][-1]], "archive": coded(zipped(class_folders()))}
    version = httpx.post(f"{server.url}/models/{made['id']}/versions", json=changes)
    assert version.status_code == 201, version.text
    assert version.json()["version"] == 2


@pytest.mark.parametrize(
    ("body", "status", "kind", "members"),
    [
        ({"images": ["%", "aGk="]}, 422, "request-invalid", {"field": "images", "index": 0}),
        (
            {"images": ["aGk=", 7]},
            422,
            "request-invalid",
            {"errors": [{"field": "images", "index": 1, "detail": NO_FILE}]},
        ),
        ({f"x{n}": n for n in range(101)}, 422, "request-invalid", {"field": "x0", "errors_count": 101}),
        ({"images": {"a": "aGk="}}, 422, "request-invalid", {"field": "images"}),
        ({"labels": ["a", {}]}, 422, "request-invalid", {"field": "labels", "index": 1}),
        ({"labels": ["a", "\ud800"]}, 422, "request-invalid", {"field": "labels", "index": 1}),
        ({"steps": "many"}, 422, "request-invalid", {"field": "steps"}),
        ({"steps": [1, 2]}, 422, "request-invalid", {"field": "steps"}),
        ({"steps": "1"}, 422, "request-invalid", {"field": "steps"}),
        ({"steps": True}, 422, "request-invalid", {"field": "steps"}),
        ({"name": 1}, 422, "request-invalid", {"field": "name"}),
        ({"keep_images": "yes"}, 422, "request-invalid", {"field": "keep_images"}),
        ({"images": "aGk="}, 422, "request-invalid", {"field": "images"}),
        ({"nam": None}, 422, "request-invalid", {"field": "nam"}),
        ({"stepz": 1}, 422, "request-invalid", {"field": "stepz"}),
        ({"x" * 2**19: 1}, 422, "request-invalid", {"field": "x" * 100}),
        ('{"x": ' + '{"a": ' * 500 + "1" + "}" * 501, 422, "request-invalid", {"field": "x"}),
        ({"name": "n" * (2**20 + 1)}, 422, "request-invalid", {"field": "name"}),
        ({"x": [[]] * 500_000}, 400, "body-malformed", {}),
        ({"images": ["aGk="] * 3, "labels": ["a", "b"]}, 422, "labels-mismatch", {"field": "labels"}),
        ({"images": ["aGk="] * 2, "labels": ["a", "b"]}, 422, "image-unreadable", {"index": 0, "errors_count": 2}),
        ([{"images": ["aGk="]}], 400, "body-malformed", {}),
        ({}, 422, "images-missing", {"field": "images"}),
        ("{", 400, "body-malformed", {}),
        ("[" * 100_000, 400, "body-malformed", {}),
        ('{"steps": 1, "steps": 2}', 422, "request-invalid", {"field": "steps"}),
    ],
)
def test_what_is_wrong_with_json_is_named(
    server: Server, body: Any, status: int, kind: str, members: dict[str, object]
) -> None:
    content = body if isinstance(body, str) else json.dumps(body)
    answer = httpx.post(f"{server.url}/adapt", content=content, headers={"Content-Type": "application/json"})
    problem(answer, status, kind, **members)


def test_base64_is_taken_as_languages_write_it(server: Server) -> None:
    model_id, data = adapt(server.url).json()["id"], QUERY[0].read_bytes()
    percent = "".join(f"%{byte:02x}" for byte in data)
    ways = [
        base64.encodebytes(data).decode(),
        base64.urlsafe_b64encode(data).decode().rstrip("="),
        f"data:image/png,{percent}",
        f"DATA:;base64,{coded(data).replace('+', '%2B')}",
    ]
    answer = httpx.post(f"{server.url}/predict", json={"model_id": model_id, "images": ways}).json()
    assert len({each["score"] for each in answer["predictions"]}) == 1, answer


def test_json_brings_images_as_large_as_a_form_does(server: Server) -> None:
    model_id, photo = adapt(server.url, steps=0).json()["id"], QUERY[0].read_bytes() + bytes(2**20)
    answer = httpx.post(f"{server.url}/predict", json={"model_id": model_id, "images": [coded(photo), coded(photo)]})
    assert (answer.status_code, len(answer.json()["predictions"])) == (200, 2), answer.text


@pytest.mark.parametrize("kind", ["application/json", "Application/JSON", "text/plain", ""])
def test_what_is_no_form_may_be_a_mebibyte(server: Server, kind: str) -> None:
    names = json.dumps({"name": "n" * 2**20})
    answer = httpx.patch(f"{server.url}/models/{'0' * 32}", content=names, headers={"Content-Type": kind})
    problem(answer, 413, "body-too-large")


@pytest.mark.parametrize(
    ("content", "kind", "said"),
    [
        ('{"name": ', "application/json", "it is no JSON: expecting value at character 9"),
        ('{"name": "x"}', "text/plain", "Content-Type: application/json"),
        ("7", "application/json", "send a JSON object"),
    ],
)
def test_names_that_are_no_json_are_told_so(server: Server, content: str, kind: str, said: str) -> None:
    answer = httpx.patch(f"{server.url}/models/{'0' * 32}", content=content, headers={"Content-Type": kind})
    assert said in problem(answer, 422, "request-invalid", field="body")["detail"]


CONTENT = bytes(range(256)) * 2**11


@pytest.mark.parametrize(
    "text", [coded(CONTENT), f"data:;base64,{coded(CONTENT)}", "data:," + "".join(f"%{byte:02x}" for byte in CONTENT)]
)
def test_reading_json_takes_a_few_times_its_memory(text: str) -> None:
    body = io.BytesIO(json.dumps({"images": [text]}).encode())
    tracemalloc.start()
    form, faults = json_form.read(body, {"images": {"type": "array", "items": {"type": "string"}}}, 10)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5 * len(body.getvalue())
    assert not faults
    with form["images"].file as file:
        assert file.read() == CONTENT
