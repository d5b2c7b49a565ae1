"""An exported model gives the server's scores without kshot, and without torch."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from onnxruntime import InferenceSession
from PIL import Image
from safetensors import safe_open

from kshot import Client
from tests.serving import Server

ROOT = Path(__file__).parents[3]
DATA = ROOT / "tests" / "data"
PICTURES = sorted([*DATA.glob("photos/*/*/*.jpg"), *DATA.glob("drawings/*/*/*.png")])
ELSEWHERE = """
import json, sys
sys.path.insert(0, "examples")
from run_onnx import InferenceSession, classify
scores = classify(InferenceSession(sys.argv[1]), sys.argv[2:])
assert not {"torch", "app", "models"} & set(sys.modules)
print(json.dumps(scores.tolist()))
"""


def awkward(folder: Path) -> list[Path]:
    """A photo as a large JPEG on its side, and as a PNG that is transparent in part."""
    photo = Image.open(PICTURES[-1])
    orientation = Image.Exif()
    orientation[0x0112] = 6
    photo.resize((2011, 1503)).convert("RGB").save(folder / "large.jpg", exif=orientation)
    clear = photo.resize((300, 500)).convert("RGBA")
    clear.putalpha(Image.linear_gradient("L").resize(clear.size))
    clear.save(folder / "clear.png")
    return [folder / "large.jpg", folder / "clear.png"]


@pytest.fixture(scope="module")
def client(shipped: Server) -> Iterator[Client]:
    with Client(shipped.url) as client:
        yield client


@pytest.mark.parametrize(("checkpoint", "folder"), [("photo", "photos"), ("omniglot", "drawings")])
def test_the_onnx_file_gives_the_servers_scores(client: Client, tmp_path: Path, checkpoint: str, folder: str) -> None:
    model = client.adapt(DATA / folder / "support", checkpoint=checkpoint)
    file = tmp_path / "model.onnx"
    file.write_bytes(client.export(model.id))
    pictures = [*PICTURES, *awkward(tmp_path)]
    command = [sys.executable, "-c", ELSEWHERE, file, *pictures]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    ours = np.array(json.loads(done.stdout))
    said = client.predict(model.id, pictures, top_k=len(model.classes)).predictions
    scores = [{each.label: each.score for each in prediction.top} for prediction in said]
    theirs = np.array([[each[label] for label in model.classes] for each in scores])
    assert len(pictures) >= 100
    assert ours.shape == theirs.shape
    assert np.abs(ours - theirs).max() < 1e-3


def test_the_example_names_a_pictures_class(client: Client, tmp_path: Path) -> None:
    model = client.adapt(DATA / "photos" / "support")
    named = client.rename(model.id, classes={"hat": "chapeau"})
    file = tmp_path / "model.onnx"
    file.write_bytes(client.export(model.id))
    command = [sys.executable, "examples/run_onnx.py", file, DATA / "photos" / "query" / "hat" / "6.jpg"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[1] == "chapeau"
    assert "chapeau" in named.classes


def test_the_safetensors_file_says_what_it_is(client: Client, tmp_path: Path) -> None:
    model = client.adapt(DATA / "drawings" / "support", checkpoint="omniglot", name="symbols")
    file = tmp_path / "model.safetensors"
    file.write_bytes(client.export(model.id, "safetensors"))
    with safe_open(file, framework="np") as opened:
        about = opened.metadata()
        assert opened.get_tensor("parameters.head.weight").shape[0] == len(model.classes)
    assert json.loads(about["labels"]) == model.classes
    assert json.loads(about["model"])["name"] == "symbols"


def test_the_json_tells_a_runtime_that_reads_no_metadata_how_to_run_the_onnx_file(client: Client) -> None:
    model = client.adapt(DATA / "drawings" / "support", checkpoint="omniglot", name="symbols", steps=0)
    session = InferenceSession(client.export(model.id))
    about = json.loads(client.export(model.id, "json"))
    assert (about["labels"], about["model"]["id"]) == (model.classes, model.id)
    own = session.get_modelmeta().custom_metadata_map
    assert about["preprocessing"] == json.loads(own["preprocessing"])
    blank = np.zeros((1, 1, about["preprocessing"]["size"], about["preprocessing"]["size"]), np.uint8)
    (scores,) = session.run([about["output"]], {about["input"]: blank})
    assert scores.shape == (1, len(about["labels"]))


def test_a_format_that_is_none_is_refused(server: Server) -> None:
    answer = httpx.get(f"{server.url}/models/{'0' * 32}/export", params={"format": "pickle"})
    assert (answer.status_code, answer.json()["field"]) == (422, "format")
