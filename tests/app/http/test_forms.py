"""A request that isn't the form it should be is refused, by the name of what is wrong with it."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.app.drawings import SUPPORT, class_folders, images, labels, zipped
from tests.app.http.test_bad_input import problem
from tests.serving import Server

MULTIPART = {"Content-Type": "multipart/form-data; boundary=x"}


def part(name: str, value: bytes, filename: str = "") -> bytes:
    file = f'; filename="{filename}"' if filename else ""
    return f'--x\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'.encode() + value + b"\r\n"


def support() -> bytes:
    pair = (SUPPORT[0], SUPPORT[-1])
    return b"".join(part("images", path.read_bytes(), path.name) + part("labels", path.name.encode()) for path in pair)


BODY = support().replace(SUPPORT[-1].name.encode(), b"other")


def send(server: Server, body: bytes, path: str = "/adapt") -> httpx.Response:
    return httpx.post(server.url + path, content=body, headers=MULTIPART)


@pytest.mark.parametrize("end", [b"--x--", b"--x--\r\n", b"--x--\r\nan epilogue, as mail has it"])
def test_a_whole_body_is_taken(server: Server, end: bytes) -> None:
    answer = send(server, BODY + part("steps", b"1") + end)
    assert answer.raise_for_status().json()["steps"] == 1


@pytest.mark.parametrize("path", ["/adapt", "/predict"])
@pytest.mark.parametrize("end", [b"", b"--x", b"--x\r\n", b"--y--\r\n"])
def test_a_body_without_its_closing_boundary_is_not_taken_in_part(server: Server, path: str, end: bytes) -> None:
    document = problem(send(server, BODY + part("steps", b"1") + end, path), 400, "body-malformed")
    assert document["detail"] == "The body ends before its closing boundary. Send the request again, whole."


@pytest.mark.parametrize("field", ["steps", "checkpoint", "ttl_seconds"])
def test_a_field_that_is_sent_twice_is_named(server: Server, field: str) -> None:
    document = problem(send(server, BODY + part(field, b"1") * 2 + b"--x--"), 422, "request-invalid", field=field)
    assert document["detail"] == f"{field}: send it once, not 2 times."


@pytest.mark.parametrize(("path", "field"), [("/predict", "labels"), ("/adapt", "files")])
def test_a_field_that_the_route_does_not_have_is_named_as_such_however_often_it_is_sent(
    server: Server, path: str, field: str
) -> None:
    document = problem(send(server, BODY + part(field, b"1") * 3 + b"--x--", path), 422, "request-invalid")
    faults = {fault["field"]: fault["detail"] for fault in document["errors"]}
    assert faults[field].startswith("there is no such field")
    assert "send it once" not in document["detail"]


def test_a_second_archive_is_not_dropped_in_silence(server: Server) -> None:
    files = [("archive", ("a.zip", zipped(class_folders())))] * 2
    problem(httpx.post(f"{server.url}/adapt", files=files), 422, "request-invalid", field="archive")


OTHER_KINDS: dict[str, dict[str, Any]] = {
    "text": {"content": b"images", "headers": {"Content-Type": "text/plain"}},
    "an image": {"content": SUPPORT[0].read_bytes(), "headers": {"Content-Type": "image/png"}},
    "bytes of no type": {"content": b"images"},
}


@pytest.mark.parametrize("path", ["/adapt", "/predict"])
@pytest.mark.parametrize("body", OTHER_KINDS.values(), ids=OTHER_KINDS)
def test_a_body_that_is_something_else(server: Server, path: str, body: dict[str, Any]) -> None:
    document = problem(httpx.post(server.url + path, **body), 415, "not-a-form")
    assert "Send multipart/form-data" in document["detail"]


@pytest.mark.parametrize("field", ["images", "archive"])
def test_a_file_that_is_sent_as_text_is_named(server: Server, field: str) -> None:
    document = problem(send(server, part(field, b"x" * 50_000) + b"--x--"), 422, "request-invalid", field=field)
    assert "send a file, not text" in document["detail"]
    assert len(document["detail"]) < 250


def test_a_label_that_may_be_a_file_is_named(server: Server) -> None:
    form = {"labels": ["x" * 500_000, *labels(SUPPORT)["labels"][1:]]}
    answer = httpx.post(f"{server.url}/adapt", files=images(SUPPORT), data=form)
    document = problem(answer, 422, "label-invalid", field="labels", index=0)
    assert len(document["detail"]) < 250


MALFORMED = {
    "too long a text": (part("name", b"x" * 2**21) + b"--x--", "as files"),
    "too many fields": (part("labels", b"x") * 4100 + b"--x--", "Send one label for each image"),
    "a part without a name": (b"--x\r\nContent-Disposition: form-data\r\n\r\n\r\n--x--", "Send multipart/form-data"),
}


@pytest.mark.parametrize(("body", "remedy"), MALFORMED.values(), ids=MALFORMED)
def test_errors_of_the_form_parser_come_with_a_remedy(server: Server, body: bytes, remedy: str) -> None:
    assert remedy in problem(send(server, body), 400, "body-malformed")["detail"]


def test_a_multipart_body_without_a_boundary(server: Server) -> None:
    answer = httpx.post(f"{server.url}/adapt", content=BODY, headers={"Content-Type": "multipart/form-data"})
    assert "your HTTP library" in problem(answer, 400, "body-malformed")["detail"]


def typed(name: str, value: bytes, options: str = "", kind: str = "image/png") -> bytes:
    """A part with a media type."""
    head = f'--x\r\nContent-Disposition: form-data; name="{name}"{options}\r\nContent-Type: {kind}\r\n\r\n'
    return head.encode() + value + b"\r\n"


@pytest.mark.parametrize(
    ("field", "options"),
    [("images", ""), ("images", "; filename*=UTF-8''%C3%A9.png"), ("images[]", '; filename="a.png"'), ("images[]", "")],
)
def test_files_are_taken_as_other_programs_send_them(server: Server, field: str, options: str) -> None:
    brackets = field.removeprefix("images")
    pairs = [(path, path.parent.name) for path in (SUPPORT[0], SUPPORT[-1])]
    body = b"".join(
        typed(field, path.read_bytes(), options) + part(f"labels{brackets}", name.encode()) for path, name in pairs
    )
    answer = send(server, body + b"--x--")
    assert answer.raise_for_status().json()["shots"] == {name: 1 for _, name in pairs}


def test_labels_that_look_alike_are_one_class(server: Server) -> None:
    names = ["circle", "\ufeffcircle", "circle\u200e", "cafe\u0301", "café", " caf\u00e9\u00a0"]
    body = b"".join(part("images", path.read_bytes(), "a.png") for path in SUPPORT[:6])
    body += b"".join(part("labels", name.encode()) for name in names)
    made = send(server, body + b"--x--").raise_for_status().json()
    assert made["shots"] == {"circle": 3, "café": 3}
    model = f"{server.url}/models/{made['id']}"
    renamed = httpx.patch(model, json={"classes": {"cafe\u0301": "bar"}, "min_scores": {"\ufeffcircle": 0.5}})
    assert (renamed.json()["classes"], renamed.json()["min_scores"]) == (["circle", "bar"], {"circle": 0.5})
    left = httpx.post(
        f"{model}/versions",
        files={"images": SUPPORT[7].read_bytes()},
        data={"labels": "other", "remove_class": "bar\u200b"},
    )
    assert left.raise_for_status().json()["classes"] == ["circle", "other"]


@pytest.mark.parametrize(
    ("label", "said"),
    [
        (part("labels", "猫".encode("cp932")), "it is not in UTF-8"),
        (typed("labels", "猫".encode("gbk"), kind="text/plain; charset=gbk"), "its charset is 'gbk'"),
    ],
)
def test_a_text_in_another_encoding_is_named_and_not_guessed_at(server: Server, label: bytes, said: str) -> None:
    body = part("labels", b"dog") + label + part("images", SUPPORT[0].read_bytes(), "a.png") + b"--x--"
    document = problem(send(server, body), 422, "request-invalid", field="labels", index=1)
    assert said in document["detail"]


def test_a_compressed_body_is_refused_by_its_encoding(server: Server) -> None:
    answer = httpx.post(f"{server.url}/adapt", content=BODY, headers=MULTIPART | {"Content-Encoding": "gzip"})
    assert "'gzip'" in problem(answer, 415, "content-encoding")["detail"]


def test_unknown_names_are_refused_with_the_nearest_known(server: Server) -> None:
    field = httpx.post(f"{server.url}/predict", data={"model": "x"}, files={"images": SUPPORT[0].read_bytes()})
    assert "model: there is no such field; the nearest is model_id" in problem(field, 422, "request-invalid")["detail"]
    query = httpx.get(f"{server.url}/models", params={"limt": 3})
    document = problem(query, 422, "request-invalid", field="limt")
    assert document["detail"] == "limt: there is no such query parameter; the nearest is limit."
    posted = httpx.post(f"{server.url}/adapt?steps=3", content=BODY + b"--x--", headers=MULTIPART)
    assert "there is no query parameter here" in problem(posted, 422, "request-invalid", field="steps")["detail"]
