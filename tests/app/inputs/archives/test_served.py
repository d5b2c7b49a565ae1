"""What comes of people's archives over HTTP, and on the command line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.app.drawings import SUPPORT, zipped
from tests.app.inputs.archives.packed import UNIX, tar_of, zip_of
from tests.serving import Server

DRAWINGS = [path.read_bytes() for path in SUPPORT[:6]]


def drawn(*names: str) -> dict[str, bytes]:
    """Files of these names, each a drawing."""
    return dict(zip(names, DRAWINGS, strict=False))


def encoded(files: dict[str, bytes], encoding: str) -> dict[bytes, bytes]:
    return {name.encode(encoding): data for name, data in files.items()}


JAPANESE = drawn("ソックス/0.jpg", "ソックス/1.jpg", "ソファ/0.jpg", "表/0.jpg")
SPLITS = drawn("train/circle/0.png", "train/square/1.png", "valid/circle/2.png", "test/square/3.png")
LISTED = {**drawn("images/0.png", "images/1.png"), "labels.csv": b"file,label\n0.png,circle\n1.png,square\n"}
ARCHIVES = {
    "splits": (zipped({**SPLITS, "README.roboflow.txt": b"x"}), {"circle": 2, "square": 2}),
    "jfif": (zipped(drawn("circle/0.jfif", "circle/1", "square/0.png")), {"circle": 2, "square": 1}),
    "japanese": (zip_of(encoded(JAPANESE, "cp932")), {"ソックス": 2, "ソファ": 1, "表": 1}),
    "chinese": (zip_of(encoded(drawn("帽子/0.png", "鞋/0.png"), "gbk")), {"帽子": 1, "鞋": 1}),
    "subfolders": (zipped(drawn("circle/2024/0.png", "circle/2025/1.png", "square/0.png")), {"circle": 2, "square": 1}),
    "backslashes": (zip_of(encoded(drawn("a\\0.png", "b\\0.png"), "ascii"), system=UNIX), {"a": 1, "b": 1}),
    "list": (zipped(LISTED), {"circle": 1, "square": 1}),
    "tar.gz": (tar_of(drawn("all/circle/0.png", "all/square/0.png"), "w:gz"), {"circle": 1, "square": 1}),
}


@pytest.mark.parametrize("name", ARCHIVES)
def test_archives_as_people_have_them_become_models(server: Server, name: str) -> None:
    data, shots = ARCHIVES[name]
    answer = httpx.post(f"{server.url}/adapt", files={"archive": ("a.zip", data)}, data={"steps": "0"}, timeout=60)
    assert answer.status_code == 201, answer.text
    assert answer.json()["shots"] == shots


def test_what_was_left_out_and_what_was_joined_is_said(server: Server) -> None:
    data, _ = ARCHIVES["splits"]
    model = httpx.post(
        f"{server.url}/adapt", files={"archive": ("a.zip", data)}, data={"steps": "0"}, timeout=60
    ).json()
    assert model["left_out"] == [{"filename": "README.roboflow.txt", "reason": "it is text"}]
    assert model["skipped"] == ["README.roboflow.txt"]
    assert [(each["type"], each["index"]) for each in model["warnings"]] == [("splits-joined", None)]
    assert httpx.get(f"{server.url}/models/{model['id']}").json()["left_out"] == model["left_out"]


def test_an_encoding_is_asked_for_and_taken(server: Server, tmp_path: Path) -> None:
    archive = tmp_path / "a.zip"
    archive.write_bytes(zip_of(encoded(drawn("역/0.png", "개/0.png"), "cp949")))
    refused = httpx.post(f"{server.url}/adapt", files={"archive": archive.read_bytes()}, timeout=60).json()
    assert (refused["type"], refused["field"]) == ("/problems/archive-encoding", "archive_encoding")
    assert {"encoding": "cp949", "names": ["역/0.png", "개/0.png"]} in refused["candidates"]
    command = [sys.executable, "-m", "kshot", "adapt", str(archive), "--archive-encoding", "cp949", "--json"]
    done = subprocess.run([*command, "--url", server.url], capture_output=True, check=True)
    assert json.loads(done.stdout)["classes"] == ["개", "역"]


def test_an_encoding_without_an_archive_is_refused(server: Server) -> None:
    files = [("images", ("a.png", data)) for data in DRAWINGS[:2]]
    form = {"labels": ["a", "b"], "archive_encoding": "cp932"}
    refused = httpx.post(f"{server.url}/adapt", files=files, data=form, timeout=60).json()
    assert (refused["type"], refused["field"]) == ("/problems/archive-encoding", "archive_encoding")
