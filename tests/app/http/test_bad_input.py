"""Each kind of bad input is a problem that says what to do, stores nothing and harms nobody."""

from __future__ import annotations

import io
import socket
from collections.abc import Iterator

import httpx
import pytest
from PIL import Image

from app.store import DirectoryStore, new_id
from tests.app.drawings import QUERY, SUPPORT, Files, adapt, adapt_zip, class_folders, images, labels, predict, zipped
from tests.app.refusals import problem
from tests.app.stored import stored
from tests.conftest import MAX_BODY_BYTES
from tests.serving import Server

pytestmark = pytest.mark.usefixtures("unharmed")

BAD = 3  # which of the images is the bad one


def with_bad_image(name: str, data: bytes) -> Files:
    files = images(SUPPORT)
    files[BAD] = ("images", (name, data))
    return files


def jpeg(size: int = 200) -> bytes:
    buffer = io.BytesIO()
    Image.effect_noise((size, size), 60).save(buffer, "JPEG")
    return buffer.getvalue()


def blank_png(side: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("1", (side, side)).save(buffer, "PNG")
    return buffer.getvalue()


def saved(kind: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("L", (9, 9)).save(buffer, kind)
    return buffer.getvalue()


BAD_IMAGES = {
    "a text file named .png": ("notes.png", b"not a picture at all\n" * 9, 422, "image-unreadable"),
    "a truncated JPEG": ("half.jpg", jpeg()[:4000], 422, "image-truncated"),
    "a truncated PNG": ("half.png", SUPPORT[0].read_bytes()[:130], 422, "image-truncated"),
    "a 100-megapixel PNG": ("huge.png", blank_png(10_000), 413, "image-too-many-pixels"),
    "a PNG beyond the limit alone": ("large.png", blank_png(8_100), 413, "image-too-many-pixels"),
    "an empty file": ("empty.png", b"", 422, "image-empty"),
    "a format not taken": ("scan.png", saved("PPM"), 422, "image-unreadable"),
    "an EPS, which Pillow would hand to Ghostscript": ("a.png", b"%!PS-Adobe-3.0 EPSF-3.0\n", 422, "image-unreadable"),
}


@pytest.mark.parametrize(("name", "data", "status", "kind"), BAD_IMAGES.values(), ids=BAD_IMAGES)
def test_a_bad_image_fails_adapt(server: Server, name: str, data: bytes, status: int, kind: str) -> None:
    answer = httpx.post(f"{server.url}/adapt", files=with_bad_image(name, data), data=labels(SUPPORT))
    document = problem(answer, status, kind, field="images", index=BAD, filename=name)
    assert f"images[{BAD}] ({name})" in document["detail"]


@pytest.mark.parametrize(("name", "data", "status", "kind"), BAD_IMAGES.values(), ids=BAD_IMAGES)
def test_a_bad_image_fails_predict(server: Server, name: str, data: bytes, status: int, kind: str) -> None:
    model_id = server.models()[0]
    answer = httpx.post(f"{server.url}/predict", files=with_bad_image(name, data), data={"model_id": model_id})
    problem(answer, status, kind, field="images", index=BAD, filename=name)


@pytest.mark.parametrize(("name", "data", "status", "kind"), BAD_IMAGES.values(), ids=BAD_IMAGES)
def test_a_bad_image_fails_its_archive(server: Server, name: str, data: bytes, status: int, kind: str) -> None:
    contents = class_folders() | {f"zzz/{name}": data}
    problem(adapt_zip(server.url, zipped(contents)), status, kind, field="archive", index=25, filename=f"zzz/{name}")


@pytest.mark.parametrize("more", [-1, 1])
def test_as_many_labels_as_images(server: Server, more: int) -> None:
    form = {"labels": (labels(SUPPORT)["labels"] * 2)[: len(SUPPORT) + more]}
    answer = httpx.post(f"{server.url}/adapt", files=images(SUPPORT), data=form)
    document = problem(answer, 422, "labels-mismatch", field="labels")
    assert f"25 images and {25 + more} labels" in document["detail"]


@pytest.mark.parametrize("label", ["", "   ", "x" * 101, "a\nb", "a\u2028b"])
def test_a_label_is_1_to_100_characters_of_text(server: Server, label: str) -> None:
    form = {"labels": [*labels(SUPPORT)["labels"][:-1], label]}
    answer = httpx.post(f"{server.url}/adapt", files=images(SUPPORT), data=form)
    problem(answer, 422, "label-invalid", field="labels", index=24)


def test_one_class_only(server: Server) -> None:
    problem(adapt(server.url, SUPPORT[:5]), 422, "too-few-classes", field="labels")


def test_one_class_only_in_an_archive(server: Server) -> None:
    only = {f"alpha/{path.name}": path.read_bytes() for path in SUPPORT[:5]}
    problem(adapt_zip(server.url, zipped(only)), 422, "too-few-classes", field="archive")


def test_too_many_classes(server: Server) -> None:
    files = images(SUPPORT[:1] * 101)
    answer = httpx.post(f"{server.url}/adapt", files=files, data={"labels": [str(n) for n in range(101)]})
    problem(answer, 422, "too-many-classes", field="labels")


def test_too_many_images(server: Server) -> None:
    files = images(SUPPORT[:1] * 1001)
    answer = httpx.post(f"{server.url}/adapt", files=files, data={"labels": [str(n) for n in range(1001)]})
    problem(answer, 413, "too-many-images", field="images")


def test_far_too_many_images(server: Server) -> None:
    answer = httpx.post(f"{server.url}/adapt", files=[("images", ("a", b"a"))] * 2001)
    document = problem(answer, 400, "body-malformed")
    assert "Send fewer images" in document["detail"]


@pytest.mark.parametrize("data", [{}, {"labels": ["a", "b"]}], ids=["nothing", "labels alone"])
def test_no_images_to_adapt_to(server: Server, data: dict[str, list[str]]) -> None:
    problem(httpx.post(f"{server.url}/adapt", data=data), 422, "images-missing", field="images")


def test_no_images_to_classify(server: Server) -> None:
    answer = httpx.post(f"{server.url}/predict", data={"model_id": server.models()[0]})
    problem(answer, 422, "images-missing", field="images")


def test_images_and_an_archive(server: Server) -> None:
    files = [*images(SUPPORT), ("archive", ("a.zip", zipped(class_folders())))]
    answer = httpx.post(f"{server.url}/adapt", files=files, data=labels(SUPPORT))
    problem(answer, 422, "upload-ambiguous", field="archive")


@pytest.mark.parametrize("model_id", ["0" * 32, "nope", "../../etc/passwd", "0" * 31 + "\x00", "x" * 5000])
def test_an_unknown_model_id(server: Server, model_id: str) -> None:
    document = problem(predict(server.url, model_id), 404, "model-not-found", field="model_id")
    assert len(document["detail"]) < 250


def test_no_model_id(server: Server) -> None:
    document = problem(
        httpx.post(f"{server.url}/predict", files=images(QUERY)), 422, "request-invalid", field="model_id"
    )
    assert document["detail"] == "model_id: this field is required."


def test_more_steps_than_the_server_takes(server: Server) -> None:
    document = problem(adapt(server.url, steps=101), 422, "steps-out-of-range", field="steps")
    assert "0 to 100" in document["detail"]


def test_more_steps_than_so_many_images_can_take_in_time(server: Server) -> None:
    document = problem(adapt(server.url, SUPPORT * 10, steps=81), 422, "steps-out-of-range", field="steps")
    assert "250 images" in document["detail"]
    assert "0 to 80" in document["detail"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("steps", -1),
        ("steps", "many"),
        ("steps", 1.5),
        ("learning_rate", 0),
        ("learning_rate", "nan"),
        ("learning_rate", "inf"),
        ("seed", -1),
        ("seed", 2**53),
        ("ttl_seconds", 0),
        ("name", "x" * 201),
        ("stpes", 5),
        ("archive", "drawings.zip"),
    ],
)
def test_a_field_out_of_range_is_named(server: Server, field: str, value: object) -> None:
    document = problem(adapt(server.url, **{field: value}), 422, "request-invalid", field=field)
    assert document["errors"][0]["field"] == field


def test_a_path_sent_as_text_is_told_from_a_file(server: Server) -> None:
    answer = httpx.post(f"{server.url}/adapt", data={"images": ["a.png"], "labels": ["a"]})
    document = problem(answer, 422, "request-invalid", field="images", index=0)
    assert "send a file" in document["detail"]


def test_an_unknown_checkpoint(server: Server) -> None:
    answer = adapt(server.url, checkpoint="nope")
    problem(answer, 422, "checkpoint-unknown", field="checkpoint", available=["omniglot"])


def test_a_model_of_a_checkpoint_with_other_weights(server: Server) -> None:
    other = stored()
    store = DirectoryStore(server.store)
    store.put(other)
    answer = predict(server.url, other.record.id)
    store.delete(other.record.id)
    problem(answer, 409, "checkpoint-mismatch", field="model_id")


def test_a_model_whose_file_is_damaged(server: Server) -> None:
    path = server.store / f"{new_id()}.safetensors"
    path.write_bytes(b"damaged")
    answer = predict(server.url, path.stem)
    path.unlink()
    document = problem(answer, 500, "model-damaged", field="model_id")
    assert path.stem in document["detail"]


def test_a_body_that_is_no_form(server: Server) -> None:
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    problem(httpx.post(f"{server.url}/adapt", content=b"garbage", headers=headers), 400, "body-malformed")


@pytest.mark.parametrize("charset", ["punycode", "zip", "utf-16"])
def test_a_form_in_another_charset(server: Server, charset: str) -> None:
    """Python takes minutes to read a megabyte of punycode."""
    headers = {"Content-Type": f"multipart/form-data; boundary=x; charset={charset}"}
    part = b'--x\r\nContent-Disposition: form-data; name="labels"\r\n\r\n-' + b"9a" * 250_000 + b"\r\n--x--\r\n"
    document = problem(httpx.post(f"{server.url}/adapt", content=part, headers=headers), 400, "body-malformed")
    assert "UTF-8" in document["detail"]


@pytest.mark.parametrize("path", ["/adapt", "/predict"])
def test_an_oversized_body_with_content_length(server: Server, path: str) -> None:
    files = {"archive": ("a.zip", bytes(MAX_BODY_BYTES))}
    problem(httpx.post(server.url + path, files=files), 413, "body-too-large")


@pytest.mark.parametrize("path", ["/adapt", "/predict"])
def test_an_oversized_body_without_content_length(server: Server, path: str) -> None:
    def body() -> Iterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="images"; filename="a.png"\r\n\r\n'
        yield from [bytes(2**16)] * (MAX_BODY_BYTES // 2**16)
        yield b"\r\n--x--\r\n"

    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    answer = httpx.post(server.url + path, content=body(), headers=headers)
    assert "content-length" not in answer.request.headers
    problem(answer, 413, "body-too-large")


def test_an_oversized_body_is_refused_before_it_is_sent_if_the_client_asks(server: Server) -> None:
    head = (
        "POST /adapt HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=x\r\n"
        f"Content-Length: {10**12}\r\nExpect: 100-continue\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(head.encode())
        assert connection.recv(1000).startswith(b"HTTP/1.1 413")


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/nope", 404), ("PUT", "/adapt", 405)])
def test_a_path_that_is_not_there(server: Server, method: str, path: str, status: int) -> None:
    answer = httpx.request(method, server.url + path)
    document = problem(answer, status, "path-unknown" if status == 404 else "method-not-allowed")
    assert path in document["detail"]


@pytest.mark.parametrize(("name", "value"), [("limit", "0"), ("limit", "many")])
def test_a_query_out_of_range_is_named(server: Server, name: str, value: str) -> None:
    problem(httpx.get(f"{server.url}/models", params={name: value}), 422, "request-invalid", field=name)
