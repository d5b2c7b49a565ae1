"""What is to be said of images that were taken all the same: in answers, in their replays, on the command line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from PIL import Image

from kshot import Client, ImageWarning
from tests.app.drawings import FOLDER, SUPPORT, adapt_zip, class_folders, images, label, zipped
from tests.pictures import encoded
from tests.serving import Server

BLANK = encoded(Image.new("L", (105, 105), 255), "PNG")
CUT = encoded(Image.open(SUPPORT[1]).convert("L"), "JPEG")[:-2]


@pytest.fixture
def unread(tmp_path: Path) -> list[Path]:
    """A blank picture and one without its end."""
    files = [tmp_path / "blank.png", tmp_path / "cut.jpg"]
    for path, data in zip(files, (BLANK, CUT), strict=True):
        path.write_bytes(data)
    return files


def said(warnings: list[ImageWarning]) -> list[tuple[str, int, str]]:
    assert all(each.filename in each.detail and each.detail.endswith(".") for each in warnings)
    return [(each.type, each.index, each.filename) for each in warnings]


def test_answers_name_what_is_blank_and_what_ends_early(client: Client, unread: list[Path]) -> None:
    pairs = [(label(path), path) for path in SUPPORT]
    pairs[3:5] = zip(("angelic_18", "angelic_18"), unread, strict=True)
    model = client.adapt(pairs, steps=0)
    assert said(model.warnings) == [("blank", 3, "blank.png"), ("truncated", 4, "cut.jpg")]
    answer = client.predict(model.id, [SUPPORT[0], *unread])
    assert said(answer.warnings) == [("blank", 1, "blank.png"), ("truncated", 2, "cut.jpg")]
    assert len(answer.predictions) == 3
    revised = client.revise(model.id, [("angelic_18", unread[0])], remove=[0], steps=0)
    assert said(revised.warnings) == [("blank", 24, "blank.png")]
    assert client.adapt([pair for pair in pairs if pair[1] not in unread], steps=0).warnings == []


def test_a_replay_says_the_same(server: Server) -> None:
    files = [*images(SUPPORT[1:]), ("images", ("blank.png", BLANK))]
    form = {"labels": [label(path) for path in SUPPORT[1:]] + ["angelic_18"], "steps": "0"}
    first, again = (
        httpx.post(f"{server.url}/adapt", files=files, data=form, headers={"Idempotency-Key": key}, timeout=60)
        for key in [f"blank-{uuid4()}"] * 2
    )
    assert [each["type"] for each in first.json()["warnings"]] == ["blank"]
    assert again.headers["idempotent-replayed"] == "true"
    assert again.content == first.content


def test_a_picture_of_an_archive_is_named_by_its_path(server: Server) -> None:
    model = adapt_zip(server.url, zipped(class_folders() | {"angelic_18/blank": BLANK})).raise_for_status().json()
    assert [each["filename"] for each in model["warnings"]] == ["angelic_18/blank"]


def test_the_command_line_says_it_beside_the_answer(client: Client, server: Server, unread: list[Path]) -> None:
    model = client.adapt(FOLDER, steps=0)
    command = [Path(sys.executable).with_name("kshot"), "predict", model.id, *unread, "--csv"]
    environment = os.environ | {"KSHOT_URL": server.url}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert [line.partition(" (")[2].partition(")")[0] for line in done.stderr.splitlines()] == ["blank.png", "cut.jpg"]
    assert len(done.stdout.splitlines()) == 3
