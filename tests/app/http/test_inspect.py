"""POST /inspect says what /adapt would take, and gives its pictures as the network sees them."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import torch
from PIL import Image

from app.inputs.decoding import Decoder
from app.inputs.limits import ImageLimits
from app.inputs.support_set import Upload
from app.settings import Settings
from app.threads import Cancellation
from kshot import AsyncClient, Client, Inspection
from models.inputs.image import ImageInput
from tests.app.drawings import FOLDER, QUERY, SUPPORT, images, labels, scores, zipped
from tests.app.drawings import predict as classify
from tests.pictures import encoded
from tests.serving import Server

STUB = encoded(Image.new("RGB", (64, 64)), "HEIC")[:40]
"""The header of a phone's picture, whose rest is still in the cloud."""
DRAWINGS = [path.read_bytes() for path in SUPPORT[:6]]
PHOTO = Path("tests/data/photos/support/hat/1.jpg").read_bytes()


def inspect(server: Server, data: bytes, **fields: object) -> httpx.Response:
    form = {name: str(value) for name, value in fields.items()}
    return httpx.post(f"{server.url}/inspect", files={"archive": ("a.zip", data)}, data=form, timeout=60)


@pytest.mark.usefixtures("unharmed")
def test_an_archive_is_told_as_it_would_be_taken(server: Server) -> None:
    files = {"b/0.png": DRAWINGS[0], "a/1": DRAWINGS[1], "a/2.png": DRAWINGS[2], "a/x.heic": STUB, "a/n.txt": b"hello"}
    found = inspect(server, zipped(files)).raise_for_status().json()
    assert found["classes"] == ["a", "b"]
    assert found["shots"] == {"a": 2, "b": 1}
    assert [(each["index"], each["filename"], each["label"]) for each in found["pictures"]] == [
        (0, "a/1", "a"),
        (1, "a/2.png", "a"),
        (3, "b/0.png", "b"),
    ]
    left = {each["filename"]: (each["index"], each["reason"]) for each in found["left_out"]}
    assert left["a/n.txt"] == (None, "it is text")
    assert left["a/x.heic"][0] == 2
    assert left["a/x.heic"][1].startswith("it is a HEIC picture, as iPhones make them, whose file ends early")


def test_its_pictures_make_the_same_model_as_those_sent(server: Server, client: Client) -> None:
    found = client.inspect(FOLDER)
    assert len(found.pictures) == len(SUPPORT)
    first = client.adapt(FOLDER)
    second = client.adapt([(each.label or "", each.data) for each in found.pictures])
    given = [scores(classify(server.url, model.id, QUERY)) for model in (first, second)]
    assert given[0] == given[1]


@pytest.mark.parametrize("spec", [ImageInput(channels=3, size=224, fit="crop"), ImageInput(channels=1, size=28)])
def test_a_picture_that_was_prepared_is_prepared_to_itself(spec: ImageInput) -> None:
    decoder = Decoder(ImageLimits.of(Settings()))

    def prepared(data: bytes) -> torch.Tensor:
        return decoder.decode([(Upload("images", 0, "a"), data)], spec, Cancellation())[0][0]

    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (300, 200, 4), np.uint8))
    for data in (PHOTO, encoded(noise, "PNG"), encoded(noise.resize((30, 900)), "PNG")):
        once = prepared(data)
        assert torch.equal(prepared(spec.keep(once)), once)


def test_loose_images_need_no_labels(server: Server) -> None:
    files = [*images(SUPPORT[:2]), ("images", ("notes.png", b"hello"))]
    found = httpx.post(f"{server.url}/inspect", files=files, data={"pictures": "false"}, timeout=60).json()
    assert (found["classes"], found["shots"]) == ([], {})
    assert [(each["label"], each["image"]) for each in found["pictures"]] == [(None, None)] * 2
    assert [(each["index"], each["filename"]) for each in found["left_out"]] == [(2, "notes.png")]
    labelled = httpx.post(f"{server.url}/inspect", files=images(SUPPORT[:6]), data=labels(SUPPORT[:6]), timeout=60)
    assert list(labelled.json()["shots"].values()) == [5, 1]


REFUSED: Mapping[str, tuple[Any, str, str]] = {
    "encoding": ({"files": {"archive_encoding": (None, "cp932")}}, "archive-encoding", "Leave it out"),
    "empty": ({"files": {"pictures": (None, "true")}}, "images-missing", "images"),
    "both": ({"files": {"archive": ("a.zip", zipped({})), "labels": (None, "a")}}, "upload-ambiguous", "archive"),
    "checkpoint": ({"files": {"checkpoint": (None, "x"), "images": DRAWINGS[0]}}, "checkpoint-unknown", "checkpoint"),
    "emptied": (
        {"files": {"archive": zipped({"phone/1.heic": STUB, "phone/2.heic": STUB, "scan/1.png": DRAWINGS[0]})}},
        "image-truncated",
        "No picture of the class 'phone' can be used (phone/1.heic, phone/2.heic: it is a HEIC picture",
    ),
    "folder": (
        {"files": {"archive": zipped({"phone/1.txt": b"x", "scan/1.png": DRAWINGS[0]})}},
        "archive-layout",
        "The folder phone holds no picture (phone/1.txt: it is text)",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_can_not_be_taken_is_refused_as_it_would_be(server: Server, name: str) -> None:
    request, kind, said = REFUSED[name]
    refused = httpx.post(f"{server.url}/inspect", **request, timeout=60).json()
    assert refused["type"] == f"/problems/{kind}"
    assert said in refused["detail"]


def test_the_command_line_shows_what_a_folder_holds(server: Server, tmp_path: Path) -> None:
    for name in ("a/0.png", "a/1.png", "b/0.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(DRAWINGS[0])
    (tmp_path / "b" / "notes.txt").write_text("hello")
    command = [sys.executable, "-m", "kshot", "inspect", str(tmp_path), "--url", server.url]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    rows = [line.split() for line in said.splitlines()]
    assert ["a", "2"] in rows
    assert ["b", "1"] in rows
    assert ["b/notes.txt", "it", "is", "text"] in rows
    as_json = subprocess.run([*command, "--json"], capture_output=True, check=True).stdout
    assert json.loads(as_json)["shots"] == {"a": 2, "b": 1}


def test_the_asynchronous_client_says_the_same(server: Server, client: Client) -> None:
    async def asked() -> Inspection:
        async with AsyncClient(server.url) as patient:
            return await patient.inspect(FOLDER, pictures=False)

    assert asyncio.run(asked()) == client.inspect(FOLDER, pictures=False)
