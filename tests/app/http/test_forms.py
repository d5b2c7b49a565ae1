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


def test_a_second_archive_is_not_dropped_in_silence(server: Server) -> None:
    files = [("archive", ("a.zip", zipped(class_folders())))] * 2
    problem(httpx.post(f"{server.url}/adapt", files=files), 422, "request-invalid", field="archive")


OTHER_KINDS: dict[str, dict[str, Any]] = {
    "JSON": {"json": {"images": []}},
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
    "too many fields": (part("labels", b"x") * 2100 + b"--x--", "Send one label for each image"),
    "a part without a name": (b"--x\r\nContent-Disposition: form-data\r\n\r\n\r\n--x--", "Send multipart/form-data"),
}


@pytest.mark.parametrize(("body", "remedy"), MALFORMED.values(), ids=MALFORMED)
def test_errors_of_the_form_parser_come_with_a_remedy(server: Server, body: bytes, remedy: str) -> None:
    assert remedy in problem(send(server, body), 400, "body-malformed")["detail"]


def test_a_multipart_body_without_a_boundary(server: Server) -> None:
    answer = httpx.post(f"{server.url}/adapt", content=BODY, headers={"Content-Type": "multipart/form-data"})
    assert "your HTTP library" in problem(answer, 400, "body-malformed")["detail"]
