"""Parts of pictures, as detectors and other programs give them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from PIL import Image

from kshot import Client, Prediction
from tests.app.drawings import FOLDER, QUERY
from tests.app.refusals import problem
from tests.pictures import ORIENTATION, TURNED, encoded
from tests.serving import Server

SHOWN = QUERY[::7]
SIDE = 105
BOXES = [f"{SIDE * place},0,{SIDE},{SIDE}" for place in range(len(SHOWN))]


def frame() -> Image.Image:
    """Drawings side by side."""
    wide = Image.new("L", (SIDE * len(SHOWN), SIDE), 255)
    for place, path in enumerate(SHOWN):
        with Image.open(path) as drawing:
            wide.paste(drawing.convert("L"), (SIDE * place, 0))
    return wide


@pytest.fixture(scope="module")
def model_id(server: Server) -> str:
    with Client(server.url) as client:
        return client.adapt(FOLDER, steps=0).id


def said(predictions: list[Prediction]) -> list[tuple[str, float]]:
    return [(each.label, each.score) for each in predictions]


def test_each_part_of_a_picture_is_classified_as_if_it_were_one(client: Client, model_id: str) -> None:
    alone = said(client.predict(model_id, SHOWN).predictions)
    parts = client.predict(model_id, [encoded(frame(), "PNG")], crop=BOXES).predictions
    assert said(parts) == alone
    assert [each.index for each in parts] == list(range(len(SHOWN)))
    whole = client.predict(model_id, [SHOWN[0], encoded(frame(), "PNG")], crop=["", BOXES[1]]).predictions
    assert said(whole) == alone[:2]


@pytest.mark.parametrize("orientation", TURNED)
def test_boxes_are_of_the_picture_as_people_see_it(client: Client, model_id: str, orientation: int) -> None:
    exif, turn = Image.Exif(), TURNED[orientation]
    exif[ORIENTATION] = orientation
    turned = frame() if turn is None else frame().transpose(turn)
    photo = encoded(turned, "JPEG", exif=exif, quality=95)
    labels = [each.label for each in client.predict(model_id, [photo], crop=BOXES).predictions]
    assert labels == [each.label for each in client.predict(model_id, SHOWN).predictions]


def test_a_box_is_cut_at_the_edges_of_its_picture(client: Client, model_id: str) -> None:
    file = encoded(frame(), "PNG")
    inside, beyond = (
        client.predict(model_id, [file], crop=[box]).predictions for box in (BOXES[0], f"-9,-9,{SIDE + 9},{SIDE + 99}")
    )
    assert said(inside) == said(beyond)


@pytest.mark.parametrize(
    ("crops", "detail"),
    [
        (["1,2,3"], "crop[0] is '1,2,3': it has 3 numbers, not 4. Send x,y,width,height"),
        (["0,0,9,9", "left"], "crop[1] is 'left': could not convert"),
        (["1," * 10_000], "it is too long"),
        (["0,0,0,9"], "width and height have to be more than 0"),
        (["0,0,nan,9"], "width and height have to be more than 0"),
    ],
)
def test_a_box_that_is_none_is_refused_by_its_place(
    server: Server, model_id: str, crops: list[str], detail: str
) -> None:
    form = {"model_id": model_id, "crop": crops}
    answer = httpx.post(f"{server.url}/predict", data=form, files={"images": SHOWN[0].read_bytes()})
    assert detail in problem(answer, 422, "crop-invalid", field="crop")["detail"]


def test_boxes_of_another_number_than_the_images_are_refused(server: Server, model_id: str) -> None:
    files = [("images", SHOWN[0].read_bytes()) for _ in range(3)]
    answer = httpx.post(f"{server.url}/predict", data={"model_id": model_id, "crop": BOXES[:2]}, files=files)
    assert "3 images and 2 crops" in problem(answer, 422, "crop-invalid", field="crop")["detail"]


def test_a_box_outside_its_picture_costs_that_part_alone_if_asked(server: Server, model_id: str) -> None:
    form = {"model_id": model_id, "crop": [BOXES[0], f"{SIDE},{SIDE},9,9"]}
    files = {"images": ("frame.png", SHOWN[0].read_bytes())}
    refused = problem(httpx.post(f"{server.url}/predict", data=form, files=files), 422, "crop-outside", index=1)
    assert refused["detail"].startswith(
        f"crop[1] (frame.png) is {SIDE}×{SIDE}; nothing of its crop {SIDE},{SIDE},9,9 is in it"
    )
    taken = httpx.post(f"{server.url}/predict", data=form | {"on_error": "skip"}, files=files).json()
    assert [each["index"] for each in taken["predictions"]] == [0]
    assert [each["type"] for each in taken["errors"]] == ["/problems/crop-outside"]


def test_the_command_line_names_each_part(server: Server, model_id: str, tmp_path: Path) -> None:
    path = tmp_path / "frame.png"
    path.write_bytes(encoded(frame(), "PNG"))
    boxes = [part for box in BOXES for part in ("--crop", box)]
    done = subprocess.run(
        [Path(sys.executable).with_name("kshot"), "predict", model_id, path, *boxes],
        env=os.environ | {"KSHOT_URL": server.url},
        capture_output=True,
        text=True,
        check=True,
    )
    assert all(f"{path.name} {box}" in done.stdout.replace("\n", "") for box in BOXES)
